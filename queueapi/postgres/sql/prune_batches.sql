-- A child stays as long as its parent, which asks whether it has succeeded.
with gone as (
    delete from queueapi.batches
    where id = any (array(
        select id from queueapi.batches as batch
        where over and completed_at < now() - %(days)s * interval '1 day'
          and not exists (select from queueapi.batches as parent where parent.id = batch.parent_id)
        limit 10000
    ))
    returning id
)
delete from queueapi.batch_ledger using gone where batch_id = gone.id
