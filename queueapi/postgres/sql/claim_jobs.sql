-- Queue by queue in the order given, each by its own index, until there is no room left. The state is a literal: a
-- parameter would hide it from the partial index. The lease stands in the row from the start; most jobs never need
-- another. By ctid, which the row's lock holds in place: a second walk down the primary key would cost a job 1.5 µs.
-- A row that was changed between this statement's snapshot and its lock has another ctid, and waits for the next claim.
-- A paused queue is left out; what else a plain job does not have comes as one JSON, which it does not build: the
-- flags come first, where they can be read even if the rest cannot.
-- What has been tried as often as a number can say (which nobody but a person at psql can bring about) is tried again.
update queueapi.jobs
set state = 'running', attempt = least(attempt + 1, 32767), token = %(token)s, worker = %(worker)s,
    claimed_at = now(), lease_until = now() + %(lease)s * interval '1 second',
    unique_key = case when starts_with(unique_key, 'start:') then null else unique_key end
where ctid = any (array(
    select job.ctid
    from unnest(%(queues)s::text[]) with ordinality as served (queue, rank)
    cross join lateral (
        select ctid
        from queueapi.jobs
        where state = 'available' and jobs.queue = served.queue
        order by priority, id
        limit %(room)s
        for update skip locked
    ) as job
    where not exists (select from queueapi.pauses where what = 'queue' and name = served.queue)
    limit %(room)s
))
returning jobs.id, jobs.token, jobs.queue, jobs.kind, jobs.args::text, jobs.attempt, jobs.max_attempts, jobs.priority,
          (select exists (select from queueapi.watches)) -- asked once: mostly nobody watches anything
          and exists (select from queueapi.watches where job_id = jobs.id),
          case when num_nonnulls(expires_at, cancelled_at, dead_at, limit_keys, batch_id, options, cursor, previous) > 0
                    or followed or kind = any ((select array_agg(name) from queueapi.pauses where what = 'kind')::text[])
               then json_build_object(
                   'expired', coalesce(expires_at < now(), false), 'cancelled', cancelled_at is not null,
                   'dead', dead_at is not null,
                   'paused', exists (select from queueapi.pauses where what = 'kind' and name = kind),
                   'followed', followed, 'batch_id', batch_id, 'limit_keys', coalesce(limit_keys, '{}'),
                   'error', case when dead_at is not null then error end, 'cursor', cursor,
                   'options', coalesce(options, '{}'), 'previous', previous)::text end
