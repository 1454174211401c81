-- Dead jobs begin anew, under their ids, with all their attempts; the error of their death stays to be seen. Locked
-- first, and return and removal are one statement: of two people who press the button one finds no row. What is the
-- same as a job that waits or runs stays dead. Wakes a sleeper as a push does.
with dead as materialized (
    select * from queueapi.finished
    where keep_until = 'infinity' and state = 'dead' and id = any (%(ids)s::bigint[])
    order by id
    for update
), again as (
    insert into queueapi.jobs (id, pushed_at, queue, kind, args, priority, max_attempts, error, batch_id,
                               expires_at, unique_key, limit_keys, followed, result_ttl, options, cursor, previous)
    select dead.id, pushed_at, queue, kind, args, priority, max_attempts, error, batch_id,
           null, extra.unique_key, extra.limit_keys, coalesce(extra.followed, false), extra.result_ttl, extra.options,
           extra.cursor, extra.previous
    from dead
    cross join lateral json_to_record(coalesce(extras, '{}')) as extra (
        unique_key text, limit_keys text[], followed boolean, result_ttl real, options json, cursor json,
        previous json)
    on conflict do nothing
    returning id, (
        select pg_notify(channel, '') from queueapi.sleepers
        where until > now() and (jobs.queue = any (queues) or jobs.queue ~ pattern)
        order by random()
        limit 1
    ) as woken
), gone as (
    delete from queueapi.finished using again
    where keep_until = 'infinity' and state = 'dead' and finished.id = again.id
)
select id, woken, exists (select from queueapi.watches where job_id = again.id) from again
