-- A job that nobody has claimed is taken back: it leaves as cancelled, kept as any outcome.
with gone as (
    delete from queueapi.jobs where id = %(id)s and state in ('scheduled', 'available', 'blocked') returning *
), kept as (
    insert into queueapi.finished (id, keep_until, pushed_at, priority, attempt, max_attempts, state, queue, kind, args, error, batch_id)
    select id, now() + coalesce(nullif(result_ttl, 0), %(ttl)s) * interval '1 second', pushed_at, priority, attempt, max_attempts,
           'cancelled', queue, kind, args, error, batch_id
    from gone
)
select id, exists (select from queueapi.watches where job_id = gone.id) from gone
