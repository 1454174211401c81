-- A process ended and its supervisor saw it: what it held is released at once. "charged" are the ids on its board, what
-- it was running: these lose the attempt, since one of them may have been the cause; what it had only fetched does not.
-- Three times a job goes back to run at once; after that it waits, each job for another while: so what kills every
-- process that runs it does not keep them all down, and parts from those that only happened to run beside it.
with lost as materialized (
    select id, id = any (%(charged)s::bigint[]) as charged, attempt >= max_attempts as used_up,
           case when id = any (%(charged)s::bigint[]) and attempt > 3
                then random() * 10 * (attempt - 3) else 0 end as delay
    from queueapi.jobs
    where state = 'running' and worker = %(worker)s
    for update
), back as (
    update queueapi.jobs
    set state = case when lost.delay > 0 then 'scheduled' else 'available' end,
        run_at = now() + lost.delay * interval '1 second',
        token = null, worker = null, lease_until = null, claimed_at = null,
        attempt = attempt - case when lost.charged then 0 else 1 end,
        error = case when lost.charged then %(error)s::json else error end
    from lost
    where jobs.id = lost.id and not (lost.charged and lost.used_up)
    returning jobs.id, jobs.queue, jobs.kind, jobs.state
), gone as (
    delete from queueapi.jobs using lost where jobs.id = lost.id and lost.charged and lost.used_up
    returning jobs.*
), kept as (
    insert into queueapi.finished (id, token, keep_until, claimed_at, pushed_at, priority, attempt, max_attempts,
                                   state, queue, kind, args, error, batch_id, extras)
    select id, token, 'infinity', claimed_at, pushed_at, priority, attempt, max_attempts,
           'dead', queue, kind, args, %(error)s::json, batch_id,
           json_strip_nulls(json_build_object(
               'expires_at', expires_at, 'unique_key', unique_key, 'limit_keys', limit_keys, 'followed', followed,
               'result_ttl', result_ttl, 'options', options, 'cursor', cursor, 'previous', previous))
    from gone
    returning id, queue, kind, state
), moved as (
    select * from back union all select * from kept
)
select id, queue, kind, state, exists (select from queueapi.watches where job_id = moved.id) from moved
