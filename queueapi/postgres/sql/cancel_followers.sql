-- What waited for these jobs, which were cancelled, and what waits for that in turn, leaves as cancelled, too.
with recursive line as (
    select jobs.id, job.id as before, job.reason
    from unnest(%(ids)s::bigint[], %(reasons)s::text[]) as job (id, reason)
    join queueapi.jobs on jobs.state = 'blocked' and jobs.blocked_by = 'job:' || job.id
    union all
    select jobs.id, line.id, line.reason
    from line
    join queueapi.jobs on jobs.state = 'blocked' and jobs.blocked_by = 'job:' || line.id
), gone as (
    delete from queueapi.jobs using line where jobs.id = line.id and jobs.state = 'blocked'
    returning jobs.*, line.before, line.reason
), kept as (
    insert into queueapi.finished (id, keep_until, pushed_at, priority, attempt, max_attempts, state, queue, kind, args,
                                   error, batch_id)
    select id, now() + %(ttl)s * interval '1 second', pushed_at, priority, attempt, max_attempts, 'cancelled', queue,
           kind, args,
           json_build_object('type', 'ChainCancelled', 'message',
                             'job ' || before || ', which it was to follow, was cancelled' || coalesce(': ' || reason, '')),
           batch_id
    from gone
)
select id, batch_id, exists (select from queueapi.watches where job_id = gone.id) from gone
