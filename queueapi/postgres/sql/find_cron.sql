-- One schedule, for a person who is about to do something to it. As claim_cron.
select name, expression, timezone, catch_up, queue, kind, args::text, options::text, next_at, greatest(now(), last_at),
       set_config('idle_in_transaction_session_timeout', '5s', true)
from queueapi.crons
where name = %(name)s
for update
