-- Only what is really running is in the arrays; only what is still ours comes back: the rest was lost.
insert into queueapi.leases (job_id, token, expires_at)
select jobs.id, jobs.token, now() + %(lease)s * interval '1 second'
from queueapi.jobs
join unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) as held (id, token)
  on jobs.id = held.id and jobs.token = held.token
on conflict (job_id) do update
set token = excluded.token, expires_at = excluded.expires_at
returning job_id
