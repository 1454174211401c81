-- The queues that have jobs: from one to the next down the index, so that it costs the queues, not the jobs in them.
with recursive found (queue) as (
    (select queue from queueapi.jobs where state = 'available' order by queue limit 1)
    union all
    select (select jobs.queue from queueapi.jobs
            where state = 'available' and jobs.queue > found.queue order by jobs.queue limit 1)
    from found where found.queue is not null
)
select queue from found where queue is not null
