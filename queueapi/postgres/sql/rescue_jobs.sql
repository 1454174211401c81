-- What nobody holds a lease of any more goes back; if that was its last attempt, it is dead. The conditions are
-- checked again on the locked row, so a job that finished meanwhile is left alone.
with lost as materialized (
    select id, attempt >= max_attempts as used_up
    from queueapi.jobs
    where state = 'running' and lease_until < now()
      and not exists (select from queueapi.leases
                      where job_id = jobs.id and leases.token = jobs.token and expires_at >= now())
    limit 1000
    for update skip locked
), back as (
    update queueapi.jobs
    set state = 'available', run_at = now(), token = null, worker = null, lease_until = null, claimed_at = null,
        error = %(error)s::json
    from lost
    where jobs.id = lost.id and not lost.used_up
    returning jobs.id, jobs.queue, jobs.kind, 'available' as state
), gone as (
    delete from queueapi.jobs using lost where jobs.id = lost.id and lost.used_up
    returning jobs.*
), kept as (
    insert into queueapi.finished (id, token, keep_until, claimed_at, pushed_at, priority, attempt, max_attempts,
                                   state, queue, kind, args, error)
    select id, token, 'infinity', claimed_at, pushed_at, priority, attempt, max_attempts,
           'dead', queue, kind, args, %(error)s::json
    from gone
    returning id, queue, kind, state
), moved as (
    select * from back union all select * from kept
)
select id, queue, kind, state, exists (select from queueapi.watches where job_id = moved.id) from moved
