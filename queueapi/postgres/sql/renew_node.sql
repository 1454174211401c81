-- Whether it is new: it never was there, or was swept as dead.
insert into queueapi.nodes (id, until) values (%(node)s::uuid, now() + %(seconds)s::double precision * interval '1 s')
on conflict (id) do update set until = excluded.until
returning xmax::text = '0'
