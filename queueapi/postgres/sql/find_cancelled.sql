-- Which of these running jobs somebody has cancelled. The state is not asked for: see finish_jobs.
select id, token from queueapi.jobs
where id = any (%(ids)s::bigint[]) and cancelled_at is not null and token is not null
