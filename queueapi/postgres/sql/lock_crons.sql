-- Those of the schedules that are there, for a process that is about to say what they are. In one order: processes
-- that start at once would wait for each other.
select name, expression, timezone, next_at, last_at, set_config('idle_in_transaction_session_timeout', '5s', true)
from queueapi.crons
where name = any (%(names)s::text[])
order by name
for update
