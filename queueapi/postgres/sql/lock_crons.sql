-- Those of the schedules that are there, for a process that is about to say what they are. In one order: processes
-- that start at once would wait for each other.
select name, expression, timezone, next_at, last_at
from queueapi.crons
where name = any (%(names)s::text[])
order by name
for update
