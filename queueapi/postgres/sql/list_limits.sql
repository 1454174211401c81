select key, slots, starts, period, bucket, by_hand,
       case when starts is null then 0
            when bucket then greatest(0, used - extract(epoch from clock_timestamp() - since)::float8 * starts / period)
            when clock_timestamp() - since >= period * interval '1 second' then 0
            else used end,
       (select count(*) from queueapi.holds join queueapi.jobs on jobs.id = holds.job_id
        where holds.key = limits.key and jobs.token = holds.token),
       (select count(*) from (select from queueapi.jobs where state = 'blocked' and blocked_by = 'limit:' || limits.key
                              limit 10000) as waiting)
from queueapi.limits
order by key
