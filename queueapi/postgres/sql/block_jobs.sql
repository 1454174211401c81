-- Claimed jobs that may not begin are parked, uncharged. Fenced by (id, token); a row that somebody else has locked is
-- not waited for, since the limits are locked, too: the caller returns it. So it does what was cancelled meanwhile; and
-- a pause that has ended blocks nobody.
with parked as materialized (
    select jobs.id, blocked.reason
    from unnest(%(ids)s::bigint[], %(tokens)s::bigint[], %(reasons)s::text[]) as blocked (id, token, reason)
    join queueapi.jobs on jobs.id = blocked.id and jobs.token = blocked.token
    where cancelled_at is null
      and (starts_with(reason, 'limit:')
           or exists (select from queueapi.pauses where what = 'kind' and 'kind:' || name = reason))
    for update of jobs skip locked
)
update queueapi.jobs
set state = 'blocked', blocked_by = parked.reason, attempt = attempt - 1,
    token = null, worker = null, lease_until = null, claimed_at = null
from parked
where jobs.id = parked.id
returning jobs.id
