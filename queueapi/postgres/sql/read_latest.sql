-- The last message that the application published on each of some channels, unless it is too old. What clients publish
-- themselves does not count, nor what servers say of members.
select asked.channel, latest.id, event, data::text, meta::text, extract(epoch from now() - at)::double precision
from unnest(%(channels)s::text[]) as asked (channel)
cross join lateral (
    select id, event, data, meta, at from queueapi.messages
    where messages.channel = asked.channel and not starts_with(event, 'client-')
      and (meta is null or meta ->> 'internal' is null)
    order by id desc limit 1
) as latest
where at > now() - %(age)s::double precision * interval '1 s'
