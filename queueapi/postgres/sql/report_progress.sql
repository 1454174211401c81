-- Beside the job's row, never in it. Fenced: an attempt that lost its lease reports to nobody.
with ours as materialized (
    select news.*
    from queueapi.jobs
    join unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(dones)s::float8[], %(totals)s::float8[],
                %(messages)s::text[], %(cursors)s::text[]) as news (id, token, done, total, message, cursor)
      on jobs.id = news.id and jobs.token = news.token
), reported as (
    insert into queueapi.progress (job_id, token, done, total, message, cursor)
    select id, token, done, total, message, cursor::json from ours
    on conflict (job_id) do update
    set token = excluded.token, done = excluded.done, total = excluded.total, message = excluded.message,
        cursor = excluded.cursor, updated_at = now()
    where progress.token = excluded.token -- or as in renew_leases
       or progress.token = (select seen.token from queueapi.progress as seen where seen.job_id = excluded.job_id)
)
select id, token, exists (select from queueapi.watches where watches.job_id = ours.id) from ours
