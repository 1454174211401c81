-- For tests: the time of these has come.
update queueapi.jobs set run_at = now()
where state = 'scheduled' and run_at > now() and id <> all (%(but)s::bigint[])
returning id
