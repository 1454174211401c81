-- Under the channels' locks; what comes back is what that changed.
with asked as (
    select * from unnest(%(connections)s::text[], %(channels)s::text[]) as one (connection, channel)
), gone as (
    delete from queueapi.subscriptions using asked
    where subscriptions.channel = asked.channel and subscriptions.connection = asked.connection
    returning subscriptions.channel, subscriptions.user_id
), departed as (
    select channel, user_id, count(*)::integer as connections
    from gone where user_id is not null group by channel, user_id
), member as (
    update queueapi.members set connections = members.connections - departed.connections
    from departed where members.channel = departed.channel and members.user_id = departed.user_id
    returning members.channel, members.user_id, members.info, members.connections
), fewer as (
    select channel, count(*)::integer as connections,
           (select count(*) from member where member.channel = gone.channel and connections = 0)::integer as users
    from gone group by channel
), counted as (
    update queueapi.channels
    set connections = channels.connections - fewer.connections, users = channels.users - fewer.users
    from fewer where channels.name = fewer.channel
    returning channels.name, channels.connections
)
select 'member_removed', channel, user_id, info from member where connections = 0
union all
select 'channel_vacated', name, null, null from counted where connections = 0
