-- It stops, and so do the connections whose requests it answers. As in sweep_presence.
with gone as (
    delete from queueapi.nodes where id = %(node)s::uuid returning id
), over as (
    delete from queueapi.fallbacks where node = %(node)s::uuid returning connection
)
select id, null from gone union all select null, connection from over
