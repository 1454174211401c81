-- One snapshot, so a job is found in one of the two tables whatever happens at that moment.
select jobs.id, kind, queue, state, attempt, max_attempts,
       case when progress.token is not null
            then json_build_object('done', done, 'total', total, 'message', message)::text end,
       null, error::text, case state when 'scheduled' then to_json(run_at)::text end
from queueapi.jobs
left join queueapi.progress on progress.job_id = jobs.id and progress.token = jobs.token
where jobs.id = any (%(ids)s::bigint[])
union all
select id, kind, queue, state, attempt, max_attempts, null, result::text, error::text, null
from queueapi.finished
where id = any (%(ids)s::bigint[])
