-- In the caller's transaction: seen when it commits, never if it rolls back. The hint carries nothing, so the many
-- of one transaction are one.
with published as (
    insert into queueapi.messages (channel, event, data, meta)
    select channel, event, data::json, meta::json
    from unnest(%(channels)s::text[], %(events)s::text[], %(data)s::text[], %(metas)s::text[])
         with ordinality as message (channel, event, data, meta, n)
    order by n
    returning id
)
select id, (select pg_notify('queueapi_messages', '')) from published
