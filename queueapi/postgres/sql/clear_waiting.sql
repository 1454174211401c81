-- What nobody has claimed leaves as cancelled, with the reason, kept as any outcome. Up to a thousand of either state,
-- each by its own index, so that no transaction gets long; what a claim holds at this moment is not waited for.
with waiting as materialized (
    select id from (
        select id from queueapi.jobs where state = 'available' and queue = %(queue)s::text
        limit 1000 for update skip locked
    ) as available
    union all
    select id from (
        select id from queueapi.jobs where state = 'scheduled' and queue = %(queue)s::text
        limit 1000 for update skip locked
    ) as scheduled
    union all
    select id from (
        select id from queueapi.jobs where state = 'blocked' and queue = %(queue)s::text
        limit 1000 for update skip locked
    ) as blocked
), gone as (
    delete from queueapi.jobs using waiting where jobs.id = waiting.id
    returning jobs.*
), kept as (
    insert into queueapi.finished (id, keep_until, pushed_at, priority, attempt, max_attempts, state, queue, kind, args, error, batch_id)
    select id, now() + coalesce(nullif(result_ttl, 0), %(ttl)s) * interval '1 second', pushed_at, priority, attempt, max_attempts,
           'cancelled', queue, kind, args, %(error)s::json, batch_id
    from gone
)
select id, exists (select from queueapi.watches where job_id = gone.id) from gone
