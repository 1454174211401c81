-- A failed attempt waits for its next; an interrupted one is returned as it was, uncharged. Fenced as finish_jobs. What
-- somebody has cancelled meanwhile waits for nothing: whoever claims it ends it.
update queueapi.jobs
set state = case when outcome.delay > 0 and cancelled_at is null then 'scheduled' else 'available' end,
    run_at = now() + case when cancelled_at is null then outcome.delay else 0 end * interval '1 second',
    attempt = attempt - case when outcome.charged then 0 else 1 end,
    token = null, worker = null, lease_until = null, claimed_at = null,
    error = coalesce(outcome.error::json, jobs.error), cursor = coalesce(outcome.cursor::json, jobs.cursor)
from unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(delays)s::float8[], %(charged)s::boolean[], %(errors)s::text[],
            %(cursors)s::text[]) as outcome (id, token, delay, charged, error, cursor)
where jobs.id = outcome.id and jobs.token = outcome.token
returning jobs.id, outcome.token, exists (select from queueapi.watches where job_id = jobs.id)
