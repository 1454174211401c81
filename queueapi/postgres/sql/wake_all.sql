-- For more jobs than there are sleepers: all whom they concern.
select count(pg_notify(channel, '')) from queueapi.sleepers
where until > now()
  and exists (select from unnest(%(queues)s::text[]) as full_ (queue) where queue = any (queues) or queue ~ pattern)
