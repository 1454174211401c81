-- The same for the channels of one browser that was away, up to a snapshot that the hub has already read, so that
-- nothing stands in both. One more than the limit says that there was more.
with cursor as materialized (
    select pg_snapshot_xmax(%(after)s::pg_snapshot) as xmax,
           array(select pg_snapshot_xip(%(after)s::pg_snapshot)) as xips
), message as (
    select id, xid, channel, event, data, meta from queueapi.messages
    where channel = any (%(channels)s::text[]) and xid >= (select xmax from cursor)
    union all
    select id, xid, channel, event, data, meta from queueapi.messages
    where channel = any (%(channels)s::text[]) and xid = any ((select xips from cursor)::xid8[])
)
select id, xid::text::bigint, channel, event, data::text, meta::text from message
where pg_visible_in_snapshot(xid, %(upto)s::pg_snapshot)
order by id
limit %(limit)s
