-- Beside the cancellation, in its transaction: a batch of theirs cannot succeed any more, even when the rows are gone.
insert into queueapi.batch_ledger (batch_id, cancelled)
select id, count(*) from unnest(%(batches)s::bigint[]) as batch (id) group by id
