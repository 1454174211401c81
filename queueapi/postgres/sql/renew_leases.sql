-- Only what is really running is in the arrays; only what is still ours comes back: the rest was lost.
with ours as materialized (
    select jobs.id, jobs.token
    from queueapi.jobs
    join unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) as held (id, token)
      on jobs.id = held.id and jobs.token = held.token
), renewed as (
    insert into queueapi.leases (job_id, token, expires_at)
    select id, token, now() + %(lease)s * interval '1 second' from ours
    -- Whose the row is now is whose it was when this statement began to look: if it stood still in between for as
    -- long as a rescue, a claim and a renewal take, "ours" is of yesterday.
    on conflict (job_id) do update
    set token = excluded.token, expires_at = excluded.expires_at
    where leases.token = excluded.token
       or leases.token = (select seen.token from queueapi.leases as seen where seen.job_id = excluded.job_id)
)
select id, token from ours
