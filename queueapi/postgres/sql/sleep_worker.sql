insert into queueapi.sleepers (channel, queues, until, pattern)
values (%(channel)s, %(queues)s, now() + %(seconds)s * interval '1 second', %(pattern)s)
on conflict (channel) do update set queues = excluded.queues, until = excluded.until, pattern = excluded.pattern
