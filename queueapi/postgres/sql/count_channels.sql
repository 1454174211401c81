select name, connections, users from queueapi.channels
where connections > 0 and name = any (%(names)s::text[])
