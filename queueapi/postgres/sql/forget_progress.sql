-- Of jobs that have just finished. What a crash leaves behind goes by prune_leftovers.
delete from queueapi.progress where job_id = any (%(ids)s::bigint[])
