-- For jobs that became available otherwise than by a push: one sleeper per queue, as insert_jobs does.
select count(pg_notify(channel, ''))
from (select distinct on (ready.queue) channel
      from queueapi.sleepers
      join unnest(%(queues)s::text[]) as ready (queue) on ready.queue = any (queues) or ready.queue ~ pattern
      where until > now()
      order by ready.queue, random()) as woken
