-- Its commit need not be durable: whoever loses a session in a crash of the server opens another, and is told.
insert into queueapi.sessions (id, node, acks, cursor, until)
select %(id)s, %(node)s::uuid, %(acks)s::boolean, %(cursor)s, now() + %(seconds)s * interval '1 second'
where set_config('synchronous_commit', 'off', true) is not null
