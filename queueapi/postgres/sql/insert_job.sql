-- One job: most pushes. What insert_jobs does for many, which costs the server half as much again as a plain INSERT,
-- for its arrays; this costs a tenth.
insert into queueapi.jobs (queue, kind, args, priority, max_attempts, state, run_at)
values (%(queue)s, %(kind)s, %(args)s, %(priority)s, %(max_attempts)s,
        case when %(delay)s::float8 > 0 or %(run_at)s::timestamptz > now() then 'scheduled' else 'available' end,
        coalesce(%(run_at)s, now() + %(delay)s * interval '1 second'))
returning id, case state when 'available' then (
    select pg_notify(channel, '') from queueapi.sleepers
    where until > now() and (jobs.queue = any (queues) or jobs.queue ~ pattern)
    order by random()
    limit 1
) end
