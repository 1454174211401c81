-- Many jobs. "order by n" gives them ids in the order in which they were pushed. The wake-up is part of the
-- statement, and so of the caller's transaction: it leaves only if that commits. For each job one sleeper is woken, any
-- one: whom it cannot feed finds more by itself, and the same said twice in a transaction is said once.
insert into queueapi.jobs (queue, kind, args, priority, max_attempts, state, run_at)
select queue, kind, args::json, priority, max_attempts,
       case when delay > 0 or run_at > now() then 'scheduled' else 'available' end,
       coalesce(run_at, now() + delay * interval '1 second')
from unnest(%(queues)s::text[], %(kinds)s::text[], %(args)s::text[], %(priorities)s::smallint[],
            %(max_attempts)s::smallint[], %(delays)s::float8[], %(run_ats)s::timestamptz[])
     with ordinality as new (queue, kind, args, priority, max_attempts, delay, run_at, n)
order by n
returning id, case state when 'available' then (
    select pg_notify(channel, '') from queueapi.sleepers
    where until > now() and (jobs.queue = any (queues) or jobs.queue ~ pattern)
    order by random()
    limit 1
) end
