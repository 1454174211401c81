-- Under the lock, and in a statement of its own, whose snapshot is newer: what has ended is written down as that, and
-- what is due now is told. A job that is dead may be retried, and then the batch succeeds later; one that was
-- cancelled never comes back.
with ended as materialized (
    select id, completed_at is null as first,
           (select batch_id from queueapi.batch_ledger
            where batch_id = batch.id and cancelled > 0 limit 1) is not null
           or (select id from queueapi.batches as child
               where child.parent_id = batch.id and child.over and child.succeeded_at is null limit 1) is not null
           as hopeless,
           (select id from queueapi.finished
            where keep_until = 'infinity' and state = 'dead' and finished.batch_id = batch.id limit 1) is not null
           or (select id from queueapi.batches as child
               where child.parent_id = batch.id and child.succeeded_at is null limit 1) is not null
           as failed
    from queueapi.batches as batch
    where id = any (%(ids)s::bigint[]) and not over
      and (select jobs.id from queueapi.jobs where batch_id between batch.id and batch.id -- see find_ended_batches
           order by batch_id desc, jobs.id desc limit 1) is null
      and (select id from queueapi.batches as child
           where child.parent_id = batch.id and child.completed_at is null limit 1) is null
), completed as (
    update queueapi.batches
    set completed_at = coalesce(completed_at, now()),
        succeeded_at = case when not hopeless and not failed then now() end,
        over = hopeless or not failed
    from ended
    where batches.id = ended.id
    returning batches.id, parent_id, callbacks, first, not hopeless and not failed as succeeded
)
select id, parent_id, callbacks::text, first, succeeded,
       exists (select from queueapi.watches where job_id = -completed.id)
from completed
