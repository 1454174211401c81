-- Under the channels' locks. Once more is nothing; what comes back is what that changed.
with asked as (
    select * from unnest(%(connections)s::text[], %(channels)s::text[], %(nodes)s::uuid[], %(users)s::text[],
                         %(infos)s::text[]) as one (connection, channel, node, user_id, info)
), fresh as (
    insert into queueapi.subscriptions (connection, channel, node, user_id)
    select connection, channel, node, user_id from asked
    on conflict do nothing
    returning connection, channel, user_id
), arrived as (
    select channel, fresh.user_id, count(*)::integer as connections, min(info) as info
    from fresh join asked using (connection, channel)
    where fresh.user_id is not null
    group by channel, fresh.user_id
), member as (
    insert into queueapi.members as present (channel, user_id, info, connections)
    select channel, user_id, info, connections from arrived
    on conflict (channel, user_id) do update set connections = present.connections + excluded.connections
    returning channel, user_id, info, connections
), newcomer as (
    select member.* from member join arrived using (channel, user_id) where member.connections = arrived.connections
), more as (
    select channel, count(*)::integer as connections,
           (select count(*) from newcomer where newcomer.channel = fresh.channel)::integer as users
    from fresh group by channel
), counted as (
    update queueapi.channels
    set connections = channels.connections + more.connections, users = channels.users + more.users
    from more where channels.name = more.channel
    returning channels.name, channels.connections = more.connections as was_empty
)
select 'channel_occupied', name, null, null from counted where was_empty
union all
select 'member_added', channel, user_id, info from newcomer
