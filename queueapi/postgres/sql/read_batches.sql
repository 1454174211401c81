-- A batch with all that it contains: how many jobs were pushed, and how many of them are left, dead and cancelled.
with recursive tree as (
    select id as root, id from queueapi.batches where id = any (%(ids)s::bigint[])
    union all
    select root, child.id from tree join queueapi.batches as child on child.parent_id = tree.id
), figures as (
    select root,
           coalesce(sum((select sum(pushed) from queueapi.batch_ledger where batch_id = tree.id)), 0)::bigint as total,
           coalesce(sum((select count(*) from queueapi.jobs where batch_id = tree.id)), 0)::bigint as pending,
           coalesce(sum((select count(*) from queueapi.finished
                         where keep_until = 'infinity' and state = 'dead' and batch_id = tree.id)), 0)::bigint as dead,
           coalesce(sum((select sum(cancelled) from queueapi.batch_ledger
                         where batch_id = tree.id)), 0)::bigint as cancelled
    from tree
    group by root
)
select id, total, pending, dead, cancelled, completed_at is not null, succeeded_at is not null
from queueapi.batches join figures on root = id
