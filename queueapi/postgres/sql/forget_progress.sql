-- Of attempts that have just ended; another at the same job keeps its own. What a crash leaves behind goes by
-- prune_leftovers.
delete from queueapi.progress
using unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) as ended (id, token)
where progress.job_id = ended.id and progress.token = ended.token
