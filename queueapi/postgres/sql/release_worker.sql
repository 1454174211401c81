-- A process ended and its supervisor saw it: what it held is released at once. The blamed lose the attempt, each with
-- an error of its own; what else it held, running or only fetched, does not.
-- "lost": nobody knows which of them was the cause. Three times such a job goes back to run at once; after that it waits,
-- each for another while: so what kills every process that runs it does not keep them all down, and parts from those that
-- only happened to run beside it. "killed": it was the cause, and the third time is the last. "late": it was ended for
-- its hard timeout, a failure like any other: it waits as retry.py's curve says.
-- What has come to its end goes back at once to be told so, by whoever claims it; and what was lost while it was told is
-- set aside here, with the reason that it had.
-- What somebody has cancelled meanwhile goes back at once, and whoever claims it ends it.
with held as materialized (
    select jobs.id, blame.how, cancelled_at, attempt, dead_at is not null as told,
           cancelled_at is null and blame.how is not null
               and (dead_at is not null or attempt >= max_attempts
                    or (blame.how = 'killed' and kills + 1 >= %(kills)s)) as ended,
           case when dead_at is not null then jobs.error::text
                when blame.how = 'killed' and kills + 1 >= %(kills)s then blame.last
                else blame.error end as reason
    from queueapi.jobs
    left join unnest(%(ids)s::bigint[], %(hows)s::text[], %(errors)s::text[], %(lasts)s::text[])
              as blame (id, how, error, last) using (id)
    where state = 'running' and worker = %(worker)s
    for update of jobs
), lost as materialized (
    select *, ended and told as over,
           case when cancelled_at is not null or ended then 0
                when how = 'lost' and attempt > 3 then random() * 10 * (attempt - 3)
                when how = 'late' then power(attempt, 4) + 15 + random() * 10 * attempt
                else 0 end as delay
    from held
), back as (
    update queueapi.jobs
    set state = case when lost.delay > 0 then 'scheduled' else 'available' end,
        run_at = now() + lost.delay * interval '1 second',
        token = null, worker = null, lease_until = null, claimed_at = null,
        attempt = jobs.attempt - case when lost.how is null or lost.ended or lost.told then 1 else 0 end,
        dead_at = case when lost.ended then now() else dead_at end,
        kills = kills + case when lost.how = 'killed' then 1 else 0 end,
        error = coalesce(lost.reason::json, jobs.error),
        cursor = coalesce((select progress.cursor from queueapi.progress
                           where job_id = jobs.id and progress.token = jobs.token), jobs.cursor)
    from lost
    where jobs.id = lost.id and not lost.over
    returning jobs.id, jobs.queue, jobs.kind, jobs.state, lost.reason
), gone as (
    delete from queueapi.jobs using lost where jobs.id = lost.id and lost.over
    returning jobs.*, lost.reason
), kept as (
    insert into queueapi.finished (id, token, keep_until, claimed_at, pushed_at, priority, attempt, max_attempts,
                                   state, queue, kind, args, error, batch_id, extras)
    select id, token, 'infinity', claimed_at, pushed_at, priority, attempt, max_attempts,
           'dead', queue, kind, args, reason::json, batch_id,
           json_build_object(
               'expires_at', expires_at, 'unique_key', unique_key, 'limit_keys', limit_keys, 'followed', followed,
               'result_ttl', result_ttl, 'options', options, 'previous', previous,
               'cursor', coalesce((select progress.cursor from queueapi.progress
                                   where job_id = gone.id and progress.token = gone.token), cursor))
    from gone
    returning id, queue, kind, state, error::text as reason
), moved as (
    select * from back union all select * from kept
)
select id, queue, kind, state, reason, exists (select from queueapi.watches where job_id = moved.id) from moved
