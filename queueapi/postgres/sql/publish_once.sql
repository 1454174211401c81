-- As insert_messages, for a client whose connection may have broken before it knew: what it has published under the
-- same number is not published again. Two at once wait for each other here, and one of them finds nothing to do.
with given as materialized (
    select channel, event, data, id, n
    from unnest(%(channels)s::text[], %(events)s::text[], %(data)s::text[], %(ids)s::text[])
         with ordinality as message (channel, event, data, id, n)
), fresh as (
    insert into queueapi.publications (session, id)
    select distinct %(session)s, id from given where id is not null
    order by id
    on conflict do nothing
    returning id
), published as (
    insert into queueapi.messages (channel, event, data)
    select channel, event, data::json
    from given
    where id is null
       or (id in (select id from fresh) and n = (select min(n) from given as same where same.id = given.id))
    order by n
    returning id
)
select id, (select pg_notify('queueapi_messages', '')) from published
