-- Whose time has come becomes available: once per job, and the claim never looks at a clock. Tells the queues, and
-- in how many seconds the next is due (null: none is scheduled; 0: there were more than one statement takes).
with due as materialized (
    select id from queueapi.jobs
    where state = 'scheduled' and run_at <= now()
    order by run_at
    limit 5000
    for update skip locked
), promoted as (
    update queueapi.jobs set state = 'available' from due where jobs.id = due.id
    returning queue
)
select (select array_agg(distinct queue) from promoted),
       case when (select count(*) from due) = 5000 then 0
            else (select extract(epoch from min(run_at) - now())::float8
                  from queueapi.jobs where state = 'scheduled' and run_at > now()) end
