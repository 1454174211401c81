-- A schedule whose time has come, that one of these processes knows. Locked: whoever else looks goes past it, and
-- after the transaction its next time is later. Who stands still with the lock loses it after five seconds.
select name, expression, timezone, catch_up, queue, kind, args::text, options::text, next_at, greatest(now(), last_at),
       set_config('idle_in_transaction_session_timeout', '5s', true)
from queueapi.crons
where next_at <= now() and paused_at is null
  and name in (select unnest(crons) from queueapi.workers where id = any (%(workers)s::uuid[]))
order by next_at
limit 1
for update skip locked
