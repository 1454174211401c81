-- In how many seconds the next schedule is due that one of these processes knows; null: none is.
select extract(epoch from min(next_at) - clock_timestamp())::float8
from queueapi.crons
where paused_at is null
  and name in (select unnest(crons) from queueapi.workers where id = any (%(workers)s::uuid[]))
