insert into queueapi.watchers (id, until)
values (%(watcher)s, now() + %(seconds)s * interval '1 second')
on conflict (id) do update set until = excluded.until
