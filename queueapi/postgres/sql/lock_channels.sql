-- Locks the channels in the order given, which is that of their names: so no two wait for each other.
insert into queueapi.channels (name)
select name from unnest(%(names)s::text[]) with ordinality as asked (name, n) order by n
on conflict (name) do update set name = excluded.name
returning name, users
