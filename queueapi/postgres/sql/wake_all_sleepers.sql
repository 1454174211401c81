-- What waited in these queues has become many jobs at once: work for all who serve them.
select count(pg_notify(channel, ''))
from queueapi.sleepers
where until > now()
  and exists (select from unnest(%(queues)s::text[]) as ready (queue)
              where ready.queue = any (queues) or ready.queue ~ pattern)
