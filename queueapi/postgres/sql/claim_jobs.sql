-- Queue by queue in the order given, each by its own index, until there is no room left. MATERIALIZED keeps the
-- planner from running the LIMIT more than once. The state is a literal: a parameter would hide it from the
-- partial index. The lease stands in the row from the start; most jobs never need another.
with picked as materialized (
    select job.id
    from unnest(%(queues)s::text[]) with ordinality as served (queue, rank)
    cross join lateral (
        select id
        from queueapi.jobs
        where state = 'available' and jobs.queue = served.queue
        order by priority, id
        limit %(room)s
        for update skip locked
    ) as job
    limit %(room)s
)
update queueapi.jobs
set state = 'running', attempt = attempt + 1, token = %(token)s, worker = %(worker)s,
    claimed_at = now(), lease_until = now() + %(lease)s * interval '1 second'
from picked
where jobs.id = picked.id
returning jobs.id, jobs.token, jobs.queue, jobs.kind, jobs.args::text, jobs.attempt, jobs.max_attempts,
          jobs.priority
