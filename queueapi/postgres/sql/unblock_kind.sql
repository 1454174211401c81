-- What a pause of its kind has blocked is brought back, a few thousand at a time, in the order in which it shall begin.
with next as materialized (
    select id
    from queueapi.jobs
    where state = 'blocked' and blocked_by = 'kind:' || %(kind)s::text
    order by priority, id
    limit 5000
    for update skip locked
), back as (
    update queueapi.jobs
    set state = case when run_at > now() then 'scheduled' else 'available' end, blocked_by = null
    from next
    where jobs.id = next.id
    returning queue
)
select distinct queue from back
