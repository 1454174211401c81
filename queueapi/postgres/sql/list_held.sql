-- All that these nodes and these connections are subscribed to.
select connection, channel from queueapi.subscriptions where node = any (%(nodes)s::uuid[])
union
select connection, channel from queueapi.subscriptions where connection = any (%(connections)s::text[])
