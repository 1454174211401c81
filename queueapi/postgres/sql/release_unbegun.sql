-- What a process claimed before a job kept it from doing anything else, and has not begun, is released as it was. Its
-- board said what it has begun, after it was told that the rest is void.
with released as (
    update queueapi.jobs
    set state = 'available', attempt = attempt - 1, token = null, worker = null, lease_until = null, claimed_at = null
    where state = 'running' and worker = %(worker)s and claimed_at < %(before)s and id <> all (%(begun)s::bigint[])
    returning id, queue, kind, state
)
select *, exists (select from queueapi.watches where job_id = released.id) from released
