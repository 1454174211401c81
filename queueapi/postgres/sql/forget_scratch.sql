-- What a benchmark leaves behind in its own queue goes at once, and nothing else can.
with waiting as (
    delete from queueapi.jobs where id = any (%(ids)s::bigint[]) and queue = %(queue)s and state <> 'running'
)
delete from queueapi.finished where id = any (%(ids)s::bigint[]) and queue = %(queue)s
