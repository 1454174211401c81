-- Those that were still ours to give back.
update queueapi.fallbacks as fallback
set node = null, until = now() + %(seconds)s::double precision * interval '1 s', state = done.state, cursor = done.cursor
from unnest(%(ids)s::text[], %(leases)s::bigint[], %(states)s::text[], %(cursors)s::text[])
     as done (id, lease, state, cursor)
where fallback.id = done.id and fallback.lease = done.lease
returning fallback.id
