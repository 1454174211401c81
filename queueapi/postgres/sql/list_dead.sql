-- The newest first, a page at a time. Dead jobs are those that are kept for ever: that names their partition.
select id, kind, queue, state, attempt, max_attempts, null, null, error::text, null
from queueapi.finished
where keep_until = 'infinity' and state = 'dead' and id < %(before)s
  and (%(queue)s::text is null or queue = %(queue)s::text)
order by id desc
limit %(limit)s
