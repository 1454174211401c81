-- What a client says in a request of its own is heard by whoever answers its other request, or will answer the next.
with sent as (
    insert into queueapi.messages (channel, event, data)
    select %(channel)s, 'frame', to_json(frame)
    from unnest(%(frames)s::text[]) with ordinality as said (frame, n)
    where exists (
        select from queueapi.fallbacks where id = %(id)s and (node is not null or until > now())
    )
    order by n
    returning id
)
select id, (select pg_notify('queueapi_messages', '')) from sent
