-- Behind many that were just parked there are mostly more: the next of these queues that wait for the same are parked
-- with them, without being claimed first. Looks at so many rows and no further; whom a place is promised is passed over.
with next as materialized (
    select job.*
    from unnest(%(queues)s::text[]) as served (queue)
    cross join lateral (
        select id, kind, limit_keys
        from queueapi.jobs
        where state = 'available' and jobs.queue = served.queue
        order by priority, id
        limit 2000
    ) as job
), parked as materialized (
    select jobs.id, blocked.reason
    from next
    cross join lateral (
        select reason
        from unnest(%(reasons)s::text[]) with ordinality as held (reason, n)
        where (reason = 'kind:' || kind and exists (select from queueapi.pauses where what = 'kind' and name = kind))
           or (limit_keys is not null and reason = any (select 'limit:' || key from unnest(limit_keys) as key))
        order by n
        limit 1
    ) as blocked
    join queueapi.jobs on jobs.id = next.id and jobs.state = 'available'
    where not exists (select from queueapi.holds
                      where key = any (next.limit_keys) and job_id = jobs.id and holds.token is null
                        and until > clock_timestamp())
    for update of jobs skip locked
)
update queueapi.jobs
set state = 'blocked', blocked_by = parked.reason
from parked
where jobs.id = parked.id
