-- As replay_messages, for all channels that begin so. None of the indexes knows beginnings, so it looks at all that came
-- since: patterns are few, and those who were away for longer than the history reaches are fewer.
with cursor as materialized (
    select pg_snapshot_xmax(%(after)s::pg_snapshot) as xmax,
           array(select pg_snapshot_xip(%(after)s::pg_snapshot)) as xips
), message as (
    select id, xid, channel, event, data, meta from queueapi.messages
    where xid >= (select xmax from cursor)
    union all
    select id, xid, channel, event, data, meta from queueapi.messages
    where xid = any ((select xips from cursor)::xid8[])
), first as (
    select * from message
    where pg_visible_in_snapshot(xid, %(upto)s::pg_snapshot)
      and exists (select from unnest(%(prefixes)s::text[]) as prefix where starts_with(channel, prefix))
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
