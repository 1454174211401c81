-- What runs, the longest first; as many rows as there are slots. Progress only of the attempt that runs.
select jobs.id, kind, queue, attempt, max_attempts, workers.name,
       extract(epoch from now() - claimed_at)::float8, done, total, message
from queueapi.jobs
left join queueapi.workers on workers.id = jobs.worker
left join queueapi.progress on progress.job_id = jobs.id and progress.token = jobs.token
where state = 'running'
order by claimed_at, jobs.id
limit %(limit)s
