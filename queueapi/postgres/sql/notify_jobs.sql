-- Tells the watchers which jobs have news. No row is written, so this commit waits for no disk.
select pg_notify('queueapi_jobs', %(ids)s)
