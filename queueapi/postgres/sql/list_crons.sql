-- All schedules, and whether any living process knows them.
select name, expression, timezone, kind, queue, next_at, last_at, last_id, paused_at is not null,
       exists (select from queueapi.workers
               where crons.name = any (workers.crons) and seen_at > now() - interval '1 minute')
from queueapi.crons
order by name
