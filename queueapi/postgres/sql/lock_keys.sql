-- Locks the limits of these keys, in their order, so that no two wait for each other. The commit need not be durable:
-- what is brought back and was forgotten is brought back again.
select key, set_config('synchronous_commit', 'off', true)
from queueapi.limits
where key = any (%(keys)s::text[])
order by key
for update
