-- Beside the job's row, never in it. Fenced: an attempt that lost its lease reports to nobody.
insert into queueapi.progress (job_id, token, done, total, message)
select jobs.id, jobs.token, news.done, news.total, news.message
from queueapi.jobs
join unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(dones)s::float8[], %(totals)s::float8[], %(messages)s::text[])
     as news (id, token, done, total, message)
  on jobs.id = news.id and jobs.token = news.token
on conflict (job_id) do update
set token = excluded.token, done = excluded.done, total = excluded.total, message = excluded.message,
    updated_at = now()
returning job_id, exists (select from queueapi.watches where watches.job_id = progress.job_id)
