-- Whoever holds a request of that client for another node is told, and answers it.
with closed as (
    delete from queueapi.sessions where id = %(id)s returning id, node, turn + 1 as turn, until
)
select until > now(), case when node <> %(node)s::uuid then pg_notify('queueapi_sessions', node || ' ' || id || ' ' || turn) end
from closed
