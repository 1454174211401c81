-- Their commit need not be durable: whoever loses a session in a crash of the server opens another, and is told.
insert into queueapi.sessions (id, node, acks, cursor, until)
select id, %(node)s::uuid, acks, cursor, now() + %(seconds)s * interval '1 second'
from unnest(%(ids)s::text[], %(acks)s::boolean[], %(cursors)s::text[]) as opened (id, acks, cursor)
where set_config('synchronous_commit', 'off', true) is not null
