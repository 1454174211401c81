-- In the order in which they would be claimed if none came in between.
select kind, args::text
from queueapi.jobs
where state in ('available', 'scheduled') and (%(queue)s::text is null or queue = %(queue)s::text)
order by case state when 'scheduled' then run_at end nulls first, priority, id
