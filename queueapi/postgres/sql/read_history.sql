-- The newest messages of some channels, of each as many and as old as is asked for and allowed, all of them together up
-- to a size; and the snapshot that found them, so that a poll from there on goes on exactly where this ends. The closest
-- key that somebody set limits for counts; the owners' keys are given closest first.
with kept as (
    select distinct on (owner) owner, keeps.count, keeps.age
    from unnest(%(owners)s::text[], %(keys)s::text[]) with ordinality as possible (owner, key, n)
    join queueapi.keeps using (key)
    order by owner, n
), asked as (
    select channel,
           least(%(count)s::integer, coalesce(kept.count, %(usual_count)s::integer)) as count,
           least(%(age)s::double precision, coalesce(kept.age, %(usual_age)s::double precision)) as age
    from unnest(%(channels)s::text[]) as given (channel) left join kept on owner = channel
), message as (
    -- Old ones are left out after the newest have been found: else all would be walked over to find none.
    select newest.*, sum(pg_column_size(data)) over (order by id desc) - pg_column_size(data) as newer
    from asked cross join lateral (
        select id, xid, channel, event, data, meta, at
        from queueapi.messages where channel = asked.channel order by id desc limit asked.count
    ) as newest
    where at > now() - asked.age * interval '1 s'
)
select pg_current_snapshot()::text, id, xid::text::bigint, channel, event, data::text, meta::text, at
from (values (1)) as always (row) left join message on newer < %(size)s::bigint
order by id
