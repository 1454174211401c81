-- Channels whose number of connections has changed since it was last told to all. One node gets each.
update queueapi.channels set announced = connections
where name in (
    select name from queueapi.channels
    where announced <> connections and connections > 0 and not starts_with(name, 'presence-')
    order by name for update skip locked
)
returning name, connections
