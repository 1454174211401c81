-- Jobs by queue and state, and for how long the oldest waits. Of what has ended, but for the dead, only the latest are
-- counted, by their ids: the table may hold the work of months. Whether there may be more than these stands last.
select queue, state, count(*), extract(epoch from now() - min(run_at))::float8, false as more
from queueapi.jobs group by queue, state
union all
select queue, state, count(*), null, false
from queueapi.finished where keep_until = 'infinity' group by queue, state
union all
select queue, state, count(*), null, sum(count(*)) over () >= %(latest)s
from (select queue, state from queueapi.finished
      where keep_until < 'infinity' order by id desc limit %(latest)s) as latest
group by queue, state
order by 1, 2
