-- In the order in which they would be claimed if none came in between, and nothing held any back.
select kind, args::text
from queueapi.jobs
where state in ('available', 'scheduled', 'blocked') and (%(queue)s::text is null or queue = %(queue)s::text)
order by case state when 'scheduled' then run_at end nulls first, priority, id
