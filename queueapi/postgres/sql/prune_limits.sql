-- Places of attempts that ended without a word, and keys that nothing has been counted by for an hour: a key may be a
-- customer, and there are more and more of them.
with ended as materialized (
    select key, job_id from queueapi.holds
    where until < now()
      and not exists (select from queueapi.jobs where id = job_id and jobs.token = holds.token)
    for update skip locked
), places as (
    delete from queueapi.holds using ended where holds.key = ended.key and holds.job_id = ended.job_id
), idle as materialized (
    select key from queueapi.limits
    where not by_hand and since < now() - interval '1 hour' - coalesce(period, 0) * interval '1 second'
      and not exists (select from queueapi.holds where holds.key = limits.key)
      and not exists (select from queueapi.jobs where state = 'blocked' and blocked_by = 'limit:' || limits.key)
    for update skip locked
)
delete from queueapi.limits using idle where limits.key = idle.key
