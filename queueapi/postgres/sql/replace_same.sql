-- The earlier one that has not begun becomes the later one, in all but its id, its age, its batch and its place in a
-- chain; so its attempts begin anew, too. Its time stays unless the later one has one; "postponed" moves it back only.
-- Locked in the order of the keys, as they are inserted, so that two who replace many do not wait for each other.
with new as materialized (
    select *, coalesce(run_at, now() + delay * interval '1 second') as asked, delay > 0 or run_at is not null as timed
    from json_to_recordset(%(jobs)s::json) as (
        queue text, kind text, args json, priority smallint, max_attempts smallint, delay float8, run_at timestamptz,
        expires_in float8, unique_key text, limit_keys text[], result_ttl real, options json, postponed boolean
    )
), earlier as materialized (
    select id, unique_key, starts_with(blocked_by, 'job:') as follows,
           case when attempt > 0 then now() else run_at end as due
    from queueapi.jobs
    where unique_key = any (array(select unique_key from new)) and state in ('scheduled', 'available', 'blocked')
    order by unique_key
    for update
), planned as (
    select earlier.id, coalesce(follows, false) as follows, new.*,
           case when postponed then greatest(due, asked) when timed then asked else due end as planned_at
    from earlier join new using (unique_key)
)
update queueapi.jobs
set queue = new.queue, kind = new.kind, args = new.args, priority = new.priority, max_attempts = new.max_attempts,
    run_at = planned_at,
    state = case when follows then 'blocked' when planned_at > now() then 'scheduled' else 'available' end,
    blocked_by = case when follows then blocked_by end,
    expires_at = planned_at + expires_in * interval '1 second', limit_keys = new.limit_keys,
    result_ttl = new.result_ttl, options = new.options, attempt = 0, kills = 0, dead_at = null, error = null,
    cursor = null
from planned as new
where jobs.id = new.id
returning jobs.unique_key, jobs.id, case jobs.state when 'available' then (
    select pg_notify(channel, '') from queueapi.sleepers
    where until > now() and (jobs.queue = any (queues) or jobs.queue ~ pattern)
    order by random()
    limit 1
) end
