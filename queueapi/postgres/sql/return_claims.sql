-- A claim whose answer never came may have been carried out: what it took was not begun, and is returned as it was.
update queueapi.jobs
set state = 'available', attempt = attempt - 1, token = null, worker = null, lease_until = null, claimed_at = null
where state = 'running' and worker = %(worker)s and token = any (%(tokens)s::bigint[])
returning id
