delete from queueapi.watches where job_id = any (%(ids)s::bigint[]) and watcher = %(watcher)s
