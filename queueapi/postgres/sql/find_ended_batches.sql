-- Of which no job is left and no child is open, so that something may be due: asked without a lock, after each outcome.
-- Of those that have completed before, only what has no dead job any more. "limit 1" and not "exists": that may be
-- planned as a hash of all dead jobs. "between" and not "=": then the order is that of one index, and statistics that
-- call all jobs this batch's cannot have the primary key walked instead, down from the newest job of all.
select id
from queueapi.batches as batch
where id = any (%(ids)s::bigint[]) and not over
  and (select jobs.id from queueapi.jobs where batch_id between batch.id and batch.id
       order by batch_id desc, jobs.id desc limit 1) is null
  and (select id from queueapi.batches as child
       where child.parent_id = batch.id and child.completed_at is null limit 1) is null
  and (completed_at is null
       or (select id from queueapi.finished
           where keep_until = 'infinity' and state = 'dead' and finished.batch_id = batch.id limit 1) is null
      and (select id from queueapi.batches as child
           where child.parent_id = batch.id and not child.over limit 1) is null)
