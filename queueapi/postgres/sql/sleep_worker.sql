insert into queueapi.sleepers (channel, queues, until)
values (%(channel)s, %(queues)s, now() + %(seconds)s * interval '1 second')
on conflict (channel) do update set queues = excluded.queues, until = excluded.until
