-- Dead jobs are given up: kept as long as any outcome, and then gone. The row moves to the partition of its day.
update queueapi.finished
set state = 'cancelled',
    keep_until = now() + coalesce(nullif((extras ->> 'result_ttl')::real, 0), %(ttl)s) * interval '1 second'
where keep_until = 'infinity' and state = 'dead' and id = any (%(ids)s::bigint[])
returning id, exists (select from queueapi.watches where job_id = finished.id)
