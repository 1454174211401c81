-- Those that were still ours to end.
delete from queueapi.fallbacks as fallback
using unnest(%(ids)s::text[], %(leases)s::bigint[]) as done (id, lease)
where fallback.id = done.id and fallback.lease = done.lease
returning fallback.connection
