-- What each key allows, and how far it is used up; exact for who has locked it, since this statement's snapshot is
-- younger than the lock. "ids": the caller's jobs, of which it wants to know to whom a place was promised.
select asked.key, slots, starts, period, coalesce(bucket, false), coalesce(used, 0),
       coalesce(extract(epoch from clock_timestamp() - since), 0)::float8, clock_timestamp(),
       held.number, held.promised, held.mine,
       (select true from queueapi.jobs where state = 'blocked' and blocked_by = 'limit:' || asked.key
        order by priority, id limit 1)
from unnest(%(keys)s::text[]) as asked (key)
left join queueapi.limits on limits.key = asked.key
cross join lateral (
    select count(*), count(*) filter (where holds.token is null),
           array_agg(job_id) filter (where holds.token is null and job_id = any (%(ids)s::bigint[]))
    from queueapi.holds
    join queueapi.jobs on jobs.id = holds.job_id
    where holds.key = asked.key
      and (jobs.token = holds.token or (holds.token is null and until > clock_timestamp()))
) as held (number, promised, mine)
