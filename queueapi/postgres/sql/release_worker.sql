-- A process ended and its supervisor saw it: what it held is released at once. The blamed lose the attempt, each with
-- an error of its own; what else it held, running or only fetched, does not.
-- "lost": nobody knows which of them was the cause. Three times such a job goes back to run at once; after that it waits,
-- each for another while: so what kills every process that runs it does not keep them all down, and parts from those that
-- only happened to run beside it. "killed": it was the cause, and the third time is the last. "late": it was ended for
-- its hard timeout, a failure like any other: it waits as retry.py's curve says.
-- What somebody has cancelled meanwhile goes back at once, and whoever claims it ends it.
with lost as materialized (
    select jobs.id, blame.how, blame.error, cancelled_at is null and blame.how is not null
               and (attempt >= max_attempts or (blame.how = 'killed' and kills + 1 >= %(kills)s)) as over,
           case when blame.how = 'killed' and kills + 1 >= %(kills)s then blame.last else blame.error end as reason,
           case when cancelled_at is not null then 0
                when blame.how = 'lost' and attempt > 3 then random() * 10 * (attempt - 3)
                when blame.how = 'late' then power(attempt, 4) + 15 + random() * 10 * attempt
                else 0 end as delay
    from queueapi.jobs
    left join unnest(%(ids)s::bigint[], %(hows)s::text[], %(errors)s::text[], %(lasts)s::text[])
              as blame (id, how, error, last) using (id)
    where state = 'running' and worker = %(worker)s
    for update of jobs
), back as (
    update queueapi.jobs
    set state = case when lost.delay > 0 then 'scheduled' else 'available' end,
        run_at = now() + lost.delay * interval '1 second',
        token = null, worker = null, lease_until = null, claimed_at = null,
        attempt = attempt - case when lost.how is null then 1 else 0 end,
        kills = kills + case when lost.how = 'killed' then 1 else 0 end,
        error = coalesce(lost.error::json, jobs.error),
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
           json_strip_nulls(json_build_object(
               'expires_at', expires_at, 'unique_key', unique_key, 'limit_keys', limit_keys, 'followed', followed,
               'result_ttl', result_ttl, 'options', options, 'previous', previous,
               'cursor', coalesce((select progress.cursor from queueapi.progress
                                   where job_id = gone.id and progress.token = gone.token), cursor)))
    from gone
    returning id, queue, kind, state, error::text as reason
), moved as (
    select * from back union all select * from kept
)
select id, queue, kind, state, reason, exists (select from queueapi.watches where job_id = moved.id) from moved
