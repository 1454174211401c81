select name, connections, users from queueapi.channels
where connections > 0 and starts_with(name, %(prefix)s)
order by name
