-- From now on they are this node's, and what the former ones still write changes nothing. Who held one is told: it may
-- hold a request of the client, which would wait in vain.
with former as materialized (
    select id, node from queueapi.sessions where id = any (%(ids)s::text[]) and until > now() order by id for update
), taken as (
    update queueapi.sessions as session
    set node = %(node)s::uuid,
        turn = session.turn + 1,
        roaming = session.roaming or former.node <> %(node)s::uuid,
        until = now() + %(seconds)s * interval '1 second'
    from former
    where session.id = former.id
    returning session.*
)
select taken.id, taken.turn, taken.roaming, taken.acks, taken.subscriptions::text, taken.cursor, taken.sent,
       taken.sent_for, taken.number, set_config('synchronous_commit', 'off', true),
       case when former.node <> taken.node
            then pg_notify('queueapi_sessions', former.node || ' ' || former.id || ' ' || taken.turn) end
from taken join former on former.id = taken.id
