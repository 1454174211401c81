-- Attempts that have ended need no place any more. It did not count: this only keeps the table small.
delete from queueapi.holds
using unnest(%(keys)s::text[], %(ids)s::bigint[], %(tokens)s::bigint[]) as ended (key, job_id, token)
where holds.key = ended.key and holds.job_id = ended.job_id and holds.token = ended.token
