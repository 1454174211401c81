-- What a process says of its schedules. That of the last to start counts; when each pushed last, and that somebody
-- paused it, stays.
insert into queueapi.crons (name, expression, timezone, catch_up, queue, kind, args, options, next_at)
select *
from json_to_recordset(%(crons)s::json) as cron (
    name text, expression text, timezone text, catch_up boolean, queue text, kind text, args json, options json,
    next_at timestamptz
)
order by name
on conflict (name) do update
set expression = excluded.expression, timezone = excluded.timezone, catch_up = excluded.catch_up,
    queue = excluded.queue, kind = excluded.kind, args = excluded.args, options = excluded.options,
    next_at = excluded.next_at
