-- What waited for these jobs, which are done, gets their results and may begin. In the transaction that finishes them.
with followed as (
    update queueapi.jobs
    set state = case when run_at > now() then 'scheduled' else 'available' end, blocked_by = null,
        previous = outcome.result::json
    from unnest(%(ids)s::bigint[], %(results)s::text[]) as outcome (id, result)
    where jobs.state = 'blocked' and jobs.blocked_by = 'job:' || outcome.id
    returning jobs.id, jobs.queue, jobs.state
)
select id, case state when 'available' then (
           select pg_notify(channel, '') from queueapi.sleepers
           where until > now() and (followed.queue = any (queues) or followed.queue ~ pattern)
           order by random()
           limit 1
       ) end,
       exists (select from queueapi.watches where job_id = followed.id)
from followed
