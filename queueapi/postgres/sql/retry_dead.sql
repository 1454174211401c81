-- Dead jobs begin anew, under their ids, with all their attempts; the error of their death stays to be seen. Removal
-- and return are one statement: of two people who press the button one finds no row. Wakes a sleeper as a push does.
with gone as (
    delete from queueapi.finished
    where keep_until = 'infinity' and state = 'dead' and id = any (%(ids)s::bigint[])
    returning *
), again as (
    insert into queueapi.jobs (id, pushed_at, queue, kind, args, priority, max_attempts, error, batch_id,
                               expires_at, unique_key, limit_keys, followed, result_ttl, options, cursor, previous)
    select gone.id, pushed_at, queue, kind, args, priority, max_attempts, error, batch_id,
           null, extra.unique_key, extra.limit_keys, coalesce(extra.followed, false), extra.result_ttl, extra.options,
           extra.cursor, extra.previous
    from gone
    cross join lateral json_to_record(coalesce(extras, '{}')) as extra (
        unique_key text, limit_keys text[], followed boolean, result_ttl real, options json, cursor json,
        previous json)
    returning id, (
        select pg_notify(channel, '') from queueapi.sleepers
        where until > now() and (jobs.queue = any (queues) or jobs.queue ~ pattern)
        order by random()
        limit 1
    ) as woken
)
select id, woken, exists (select from queueapi.watches where job_id = again.id) from again
