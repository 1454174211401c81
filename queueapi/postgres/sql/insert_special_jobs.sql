-- Jobs that are more than plain: as insert_jobs, from one JSON. Which of them a job that says it is the same has kept
-- out is told by n: their ids come back null.
with new as materialized (
    select nextval('queueapi.jobs_id_seq') as id, *
    from rows from (json_to_recordset(%(jobs)s::json) as (
        queue text, kind text, args json, priority smallint, max_attempts smallint, delay float8, run_at timestamptz,
        expires_in float8, unique_key text, limit_keys text[], blocked_by text, batch_id bigint, followed boolean,
        result_ttl real, options json, previous json
    )) with ordinality as job (
        queue, kind, args, priority, max_attempts, delay, run_at,
        expires_in, unique_key, limit_keys, blocked_by, batch_id, followed, result_ttl, options, previous, n
    )
    order by n
), inserted as (
    insert into queueapi.jobs (id, queue, kind, args, priority, max_attempts, state, run_at, expires_at, unique_key,
                               limit_keys, blocked_by, batch_id, followed, result_ttl, options, previous)
    select id, queue, kind, args, priority, max_attempts,
           case when blocked_by is not null then 'blocked'
                when delay > 0 or run_at > now() then 'scheduled' else 'available' end,
           coalesce(run_at, now() + delay * interval '1 second'), now() + expires_in * interval '1 second', unique_key,
           limit_keys, blocked_by, batch_id, coalesce(followed, false), result_ttl, options, previous
    from new
    order by n
    on conflict (unique_key) where unique_key is not null do nothing
    returning id, case state when 'available' then (
        select pg_notify(channel, '') from queueapi.sleepers
        where until > now() and (jobs.queue = any (queues) or jobs.queue ~ pattern)
        order by random()
        limit 1
    ) end as woken
)
select inserted.id, woken
from new left join inserted using (id)
order by n
