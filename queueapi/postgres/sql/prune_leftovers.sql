-- What processes that died left in the side tables. None of it is the truth about a job.
with leases as (
    delete from queueapi.leases where expires_at < now() - interval '1 minute'
       and not exists (select from queueapi.jobs where id = job_id and jobs.token = leases.token)
), progress as (
    delete from queueapi.progress where updated_at < now() - interval '1 hour'
       and not exists (select from queueapi.jobs where id = job_id and jobs.token = progress.token)
), sleepers as (
    delete from queueapi.sleepers where until < now()
), crons as (
    -- Not served for a week: no process knows it any more.
    delete from queueapi.crons where next_at < now() - interval '7 days' and paused_at is null
       and not exists (select from queueapi.workers where crons.name = any (workers.crons))
), windows as (
    delete from queueapi.windows where until < now()
), watchers as (
    delete from queueapi.watchers where until < now()
), watches as (
    delete from queueapi.watches
    where not exists (select from queueapi.watchers where id = watcher and until >= now())
)
delete from queueapi.workers where seen_at < now() - interval '5 minutes'
