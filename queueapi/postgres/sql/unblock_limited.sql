-- Of what each key has blocked, as many as there is room for are brought back, and keep a place for two seconds: a
-- worker that is free takes them within milliseconds, and what no worker takes must not stand in the others' way.
with next as materialized (
    select key, job.id
    from unnest(%(keys)s::text[], %(rooms)s::integer[]) as free (key, room)
    cross join lateral (
        select id
        from queueapi.jobs
        where state = 'blocked' and blocked_by = 'limit:' || key
          and queue <> all (array(select name from queueapi.pauses where what = 'queue'))
        order by priority, id
        limit room
        for update skip locked
    ) as job
), back as (
    update queueapi.jobs
    set state = case when run_at > now() then 'scheduled' else 'available' end, blocked_by = null
    from next
    where jobs.id = next.id
    returning key, jobs.id, queue, state
), promised as (
    insert into queueapi.holds (key, job_id, until)
    select key, id, clock_timestamp() + interval '2 seconds' from back where state = 'available'
    on conflict (key, job_id) do update set token = null, until = excluded.until
)
select distinct queue from back where state = 'available'
