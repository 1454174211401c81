-- All that a person may want to know of one job, in either table.
select json_strip_nulls(json_build_object(
    'id', jobs.id, 'kind', kind, 'queue', queue, 'state', state, 'priority', priority, 'attempt', attempt,
    'max_attempts', max_attempts, 'blocked_by', blocked_by, 'pushed_at', pushed_at,
    'run_at', case state when 'scheduled' then run_at end, 'claimed_at', claimed_at, 'worker', workers.name,
    'expires_at', expires_at, 'cancelled_at', cancelled_at, 'unique_key', unique_key, 'limit_keys', limit_keys,
    'batch', batch_id,
    'progress', case when progress.token is not null
                     then json_build_object('done', done, 'total', total, 'message', message) end))::text,
    args::text, null, error::text
from queueapi.jobs
left join queueapi.workers on workers.id = jobs.worker
left join queueapi.progress on progress.job_id = jobs.id and progress.token = jobs.token
where jobs.id = %(id)s
union all
select json_strip_nulls(json_build_object(
    'id', id, 'kind', kind, 'queue', queue, 'state', state, 'priority', priority, 'attempt', attempt,
    'max_attempts', max_attempts, 'pushed_at', pushed_at, 'claimed_at', claimed_at, 'finished_at', finished_at,
    'kept_until', case when keep_until < 'infinity' then keep_until end, 'batch', batch_id))::text,
    args::text, result::text, error::text
from queueapi.finished
where id = %(id)s
