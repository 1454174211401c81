-- This process wants to know of these jobs. Committed before their rows are read: register, then read, then wait.
insert into queueapi.watches (job_id, watcher)
select id, %(watcher)s from unnest(%(ids)s::bigint[]) as job (id)
on conflict do nothing
