-- The same for the channels of one browser that was away, up to a snapshot that the hub has already read, so that
-- nothing stands in both. The message that goes beyond either limit is the last: more there may be, and nobody reads it.
with cursor as materialized (
    select pg_snapshot_xmax(%(after)s::pg_snapshot) as xmax,
           array(select pg_snapshot_xip(%(after)s::pg_snapshot)) as xips
), message as (
    select id, xid, channel, event, data, meta from queueapi.messages
    where channel = any (%(channels)s::text[]) and xid >= (select xmax from cursor)
    union all
    select id, xid, channel, event, data, meta from queueapi.messages
    where channel = any (%(channels)s::text[]) and xid = any ((select xips from cursor)::xid8[])
), first as (
    select * from message where pg_visible_in_snapshot(xid, %(upto)s::pg_snapshot)
    order by id limit %(limit)s::integer + 1
), counted as (
    select *, row_number() over oldest_first as n, sum(pg_column_size(data)) over oldest_first as upto,
           pg_column_size(data) as size
    from first window oldest_first as (order by id)
)
select n > %(limit)s::integer or upto > %(size)s::bigint as beyond,
       id, xid::text::bigint, channel, event, data::text, meta::text
from counted where upto - size <= %(size)s::bigint
order by id
