-- What nobody holds a lease of any more goes back. The conditions on the job are checked again on the locked row, so a
-- job that finished meanwhile is left alone. After a restart of the server every lease may have run out, and whoever
-- lives is given time to renew it first.
-- The attempt is charged, and the last one is the end. Only nobody can tell any more whether it had begun, unless its
-- lease was ever renewed: so a last attempt that may never have begun gets one more, once. What has come to its end goes
-- back to be told so, by whoever claims it; and what was lost while it was told is set aside here.
with lost as materialized (
    select id, used_up or told as last, told and cancelled_at is null as over,
           used_up and cancelled_at is null -- else whoever claims it ends it
           and (renewed or error ->> 'type' is not distinct from %(error)s::json ->> 'type') as ended
    from (
        select id, error, cancelled_at, attempt >= max_attempts as used_up, dead_at is not null as told,
               exists (select from queueapi.leases where job_id = jobs.id and leases.token = jobs.token) as renewed
        from queueapi.jobs
        where state = 'running' and lease_until < now()
          and not exists (select from queueapi.leases
                          where job_id = jobs.id and leases.token = jobs.token and expires_at >= now())
          and pg_postmaster_start_time() < now() - %(patience)s * interval '1 second'
        limit 1000
        for update skip locked
    ) as expired
), back as (
    update queueapi.jobs
    set state = 'available', run_at = now(), token = null, worker = null, lease_until = null, claimed_at = null,
        attempt = attempt - case when lost.last then 1 else 0 end,
        error = %(error)s::json, dead_at = case when lost.ended then now() end,
        cursor = coalesce((select progress.cursor from queueapi.progress
                           where job_id = jobs.id and progress.token = jobs.token), jobs.cursor)
    from lost
    where jobs.id = lost.id and not lost.over
    returning jobs.id, jobs.queue, jobs.kind, 'available' as state
), gone as (
    delete from queueapi.jobs using lost where jobs.id = lost.id and lost.over
    returning jobs.*
), kept as (
    insert into queueapi.finished (id, token, keep_until, claimed_at, pushed_at, priority, attempt, max_attempts,
                                   state, queue, kind, args, error, batch_id, extras)
    select id, token, 'infinity', claimed_at, pushed_at, priority, attempt, max_attempts,
           'dead', queue, kind, args, error, batch_id,
           json_build_object(
               'expires_at', expires_at, 'unique_key', unique_key, 'limit_keys', limit_keys, 'followed', followed,
               'result_ttl', result_ttl, 'options', options, 'previous', previous,
               'cursor', coalesce((select progress.cursor from queueapi.progress
                                   where job_id = gone.id and progress.token = gone.token), cursor))
    from gone
    returning id, queue, kind, state
), moved as (
    select * from back union all select * from kept
)
select id, queue, kind, state, exists (select from queueapi.watches where job_id = moved.id) from moved
