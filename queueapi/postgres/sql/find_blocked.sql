-- The next limits and pauses that block anything at all: from one to the next of them, however many jobs each blocks.
-- Those that begin with "kind:" or "limit:", up to what comes after these; what waits for another job is not among them.
with recursive waiting (reason) as (
    (select blocked_by from queueapi.jobs
     where state = 'blocked' and blocked_by > %(after)s::text and blocked_by < 'limiu'
     order by blocked_by limit 1)
    union all
    select (select blocked_by from queueapi.jobs
            where state = 'blocked' and blocked_by > waiting.reason and blocked_by < 'limiu'
            order by blocked_by limit 1)
    from waiting
    where reason is not null
)
select reason,
       starts_with(reason, 'kind:') and not exists (select from queueapi.pauses
                                                    where what = 'kind' and 'kind:' || name = reason)
from waiting
where reason is not null
limit %(most)s
