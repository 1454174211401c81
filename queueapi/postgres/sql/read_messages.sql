-- What came after a cursor, whoever it is for; and the new cursor, which is this very statement's snapshot. Rows of
-- transactions begun since (xid >= xmax), and of those that were under way then (xip): exact, without a lock, and
-- no dearer when an old transaction pins xmin.
with cursor as materialized (
    select pg_snapshot_xmax(%(after)s::pg_snapshot) as xmax,
           array(select pg_snapshot_xip(%(after)s::pg_snapshot)) as xips
), message as (
    select id, xid, channel, event, data, meta from queueapi.messages
    where xid >= (select xmax from cursor)
    union all
    select id, xid, channel, event, data, meta from queueapi.messages
    where xid = any ((select xips from cursor)::xid8[])
)
select pg_current_snapshot()::text, id, xid::text::bigint, channel, event, data::text, meta::text
from (values (1)) as always (row) left join message on true
order by id
