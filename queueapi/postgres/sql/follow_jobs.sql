-- What waited for these jobs, which are done, gets their results and may begin. In the transaction that finishes them.
-- "offset 0" keeps the planner from beginning at the index of blocked jobs, which statistics may call empty; so does
-- starts_with, which asks again on the locked row; and the array keeps it from beginning at the primary key.
with next as materialized (
    select follower.id, outcome.result
    from unnest(%(ids)s::bigint[], %(results)s::text[]) as outcome (id, result)
    cross join lateral (
        select id from queueapi.jobs where state = 'blocked' and blocked_by = 'job:' || outcome.id offset 0
    ) as follower
), followed as (
    update queueapi.jobs
    set state = case when run_at > now() then 'scheduled' else 'available' end, blocked_by = null,
        previous = next.result::json
    from next
    where jobs.id = any (array(select id from next)) and jobs.id = next.id and starts_with(state, 'blocked')
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
