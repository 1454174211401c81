-- What waited for these jobs, which were cancelled, and what waits for that in turn, leaves as cancelled, too. For the
-- ways in which it is put see follow_jobs.
with recursive line as (
    select follower.id, job.id as before, job.reason
    from unnest(%(ids)s::bigint[], %(reasons)s::text[]) as job (id, reason)
    cross join lateral (
        select id from queueapi.jobs where state = 'blocked' and blocked_by = 'job:' || job.id offset 0
    ) as follower
    union all
    select follower.id, line.id, line.reason
    from line
    cross join lateral (
        select id from queueapi.jobs where state = 'blocked' and blocked_by = 'job:' || line.id offset 0
    ) as follower
), gone as (
    delete from queueapi.jobs
    using line
    where jobs.id = any (array(select id from line)) and jobs.id = line.id and starts_with(jobs.state, 'blocked')
    returning jobs.*, line.before, line.reason
), kept as (
    insert into queueapi.finished (id, keep_until, pushed_at, priority, attempt, max_attempts, state, queue, kind, args,
                                   error, batch_id)
    select id, now() + coalesce(nullif(result_ttl, 0), %(ttl)s) * interval '1 second', pushed_at, priority, attempt, max_attempts, 'cancelled', queue,
           kind, args,
           json_build_object('type', 'ChainCancelled', 'message',
                             'job ' || before || ', which it was to follow, was cancelled' || coalesce(': ' || reason, '')),
           batch_id
    from gone
)
select id, batch_id, exists (select from queueapi.watches where job_id = gone.id) from gone
