-- Which schedules the process knows. It may be there before its supervisor has said that it lives.
insert into queueapi.workers (id, name, queues, slots, crons)
values (%(worker)s, %(name)s, %(queues)s::text[], %(slots)s, %(crons)s::text[])
on conflict (id) do update set crons = excluded.crons, seen_at = now()
