-- A client that says this name for the first time. No row: it is taken.
insert into queueapi.fallbacks (id, connection, node, lease, until, state)
values (%(id)s, %(connection)s, %(node)s::uuid, 1, now() + %(seconds)s::double precision * interval '1 s', %(state)s)
on conflict do nothing
returning lease
