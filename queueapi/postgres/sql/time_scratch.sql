-- How many of a benchmark's jobs are done, and how long it took from the first claim to the last outcome.
select count(*), extract(epoch from max(finished_at) - min(claimed_at))::float8
from queueapi.finished where id = any (%(ids)s::bigint[]) and state = 'done'
