select queue, state, count(*), extract(epoch from now() - min(run_at))::float8
from queueapi.jobs group by queue, state
union all
select queue, state, count(*), null from queueapi.finished group by queue, state
order by 1, 2
