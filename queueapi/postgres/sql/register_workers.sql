insert into queueapi.workers (id, name, queues, slots)
select id, name, string_to_array(queues, ','), slots
from unnest(%(ids)s::uuid[], %(names)s::text[], %(queues)s::text[], %(slots)s::int[]) as worker (id, name, queues, slots)
on conflict (id) do update set seen_at = now()
