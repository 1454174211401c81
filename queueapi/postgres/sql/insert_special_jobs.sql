-- Jobs that are more than plain: as insert_jobs, from one JSON. Those that are kept out, by a job that is the same or by
-- a time of being unique that is not over, come back with a null before the id that they would have had. Inserted in
-- the order of their keys, so that two who insert the same ones do not wait for each other; the ids say the order.
with new as materialized (
    select nextval('queueapi.jobs_id_seq') as id, *
    from rows from (json_to_recordset(%(jobs)s::json) as (
        queue text, kind text, args json, priority smallint, max_attempts smallint, delay float8, run_at timestamptz,
        expires_in float8, unique_key text, unique_for float8, limit_keys text[], limit_room integer, blocked_by text,
        batch_id bigint, followed boolean, result_ttl real, options json, previous json
    )) with ordinality as job (
        queue, kind, args, priority, max_attempts, delay, run_at,
        expires_in, unique_key, unique_for, limit_keys, limit_room, blocked_by, batch_id, followed, result_ttl,
        options, previous, n
    )
    order by n
), opened as (
    insert into queueapi.windows (key, until, job_id)
    select distinct on (unique_key) unique_key, now() + unique_for * interval '1 second', id
    from new
    where unique_for > 0 and coalesce((select until <= now() from queueapi.windows where key = unique_key), true)
    order by unique_key, n
    on conflict (key) do update set until = excluded.until, job_id = excluded.job_id where windows.until <= now()
    returning job_id
), placed as materialized (
    -- A job is blocked from the start behind those that one of its limits has blocked already, and behind as many of
    -- this push as may begin at once: no claim has to park it, however many there are. In doubt it is not blocked: who
    -- claims it decides.
    select dated.*, case when blocked_by is null and not later then (
        select 'limit:' || held.key
        from unnest(limit_keys) with ordinality as held (key, rank)
        where (rank = 1 and turn > limit_room)
           -- In an order, which makes it a look at one index and nothing else, whatever the statistics say.
           or (select true from queueapi.jobs where state = 'blocked' and jobs.blocked_by = 'limit:' || held.key
               order by jobs.priority, jobs.id limit 1)
        order by rank
        limit 1
    ) else blocked_by end as held_by
    from (
        select ready.*, row_number() over (partition by limit_keys, later order by n) as turn
        from (select *, coalesce(delay > 0 or run_at > now(), false) as later from new) as ready
    ) as dated
), inserted as (
    insert into queueapi.jobs (id, queue, kind, args, priority, max_attempts, state, run_at, expires_at, unique_key,
                               limit_keys, blocked_by, batch_id, followed, result_ttl, options, previous)
    select id, queue, kind, args, priority, max_attempts,
           case when held_by is not null then 'blocked'
                when delay > 0 or run_at > now() then 'scheduled' else 'available' end,
           coalesce(run_at, now() + delay * interval '1 second'),
           coalesce(run_at, now() + delay * interval '1 second') + expires_in * interval '1 second', unique_key,
           limit_keys, held_by, batch_id, coalesce(followed, false), result_ttl, options, previous
    from placed
    where unique_for is null or id in (select job_id from opened)
    order by unique_key nulls first, n
    on conflict (unique_key) where unique_key is not null do nothing
    returning id, case state when 'available' then (
        select pg_notify(channel, '') from queueapi.sleepers
        where until > now() and (jobs.queue = any (queues) or jobs.queue ~ pattern)
        order by random()
        limit 1
    ) end as woken
)
select inserted.id, new.id, woken
from new left join inserted using (id)
order by n
