-- The outcome and the removal from the live table are one statement, fenced by (id, token): whose lease was lost
-- finds no row, and nothing happens. Tells which of them somebody watches; the NOTIFY itself is a statement of its
-- own, since it would serialise the commits of all workers. The state is not asked for: only a running job has a
-- token, and naming it would offer the planner the index of running jobs, which statistics call empty.
with gone as (
    delete from queueapi.jobs
    using unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(states)s::text[], %(results)s::text[], %(errors)s::text[])
          as outcome (id, token, state, result, error)
    where jobs.id = outcome.id and jobs.token = outcome.token
    returning jobs.*, outcome.state as outcome, outcome.result, outcome.error as new_error
), kept as (
    insert into queueapi.finished (id, token, keep_until, claimed_at, pushed_at, priority, attempt, max_attempts,
                                   state, queue, kind, args, result, error, batch_id, extras)
    select id, token,
           case outcome when 'dead' then timestamptz 'infinity'
                        else now() + coalesce(nullif(result_ttl, 0), %(ttl)s) * interval '1 second' end,
           claimed_at, pushed_at, priority, attempt, max_attempts,
           outcome, queue, kind, args, result::json, coalesce(new_error::json, error), batch_id,
           case outcome when 'dead' then json_build_object(
               'expires_at', expires_at, 'unique_key', unique_key, 'limit_keys', limit_keys, 'followed', followed,
               'result_ttl', result_ttl, 'options', options, 'previous', previous,
               'cursor', coalesce((select progress.cursor from queueapi.progress
                                   where job_id = gone.id and progress.token = gone.token), cursor)) end
    from gone
    where result_ttl is null or result_ttl > 0 or outcome <> 'done'
)
select id, token, (select exists (select from queueapi.watches)) -- asked once: mostly nobody watches anything
           and exists (select from queueapi.watches where job_id = gone.id)
from gone
