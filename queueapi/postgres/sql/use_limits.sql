-- Places are taken and given back, starts are counted. An admitted job's place counts as long as its attempt lasts;
-- "until" only keeps it from being pruned by who cannot see the attempt yet.
with given_back as (
    delete from queueapi.holds
    using unnest(%(back_keys)s::text[], %(back_ids)s::bigint[]) as back (key, job_id)
    where holds.key = back.key and holds.job_id = back.job_id
), counted as (
    update queueapi.limits
    set used = started.used, since = coalesce(started.since, limits.since)
    from unnest(%(used_keys)s::text[], %(used)s::float8[], %(since)s::timestamptz[]) as started (key, used, since)
    where limits.key = started.key
)
insert into queueapi.holds (key, job_id, token, until)
select key, job_id, token, clock_timestamp() + interval '1 minute'
from unnest(%(keys)s::text[], %(ids)s::bigint[], %(tokens)s::bigint[]) as taken (key, job_id, token)
on conflict (key, job_id) do update set token = excluded.token, until = excluded.until
