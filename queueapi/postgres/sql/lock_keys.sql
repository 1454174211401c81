-- Locks the limits of these keys, in their order, so that no two wait for each other.
select key from queueapi.limits where key = any (%(keys)s::text[]) order by key for update
