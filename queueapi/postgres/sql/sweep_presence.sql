-- Takes away the nodes that have not said for too long that they live, and the fallback connections that are over or
-- were held by one of those. What they were subscribed to is ended after this, in the same transaction and on a younger
-- snapshot: until these rows were locked, somebody may have added to it. Two that sweep at once share the work.
with dead as (
    delete from queueapi.nodes
    where id in (select id from queueapi.nodes where until < now() order by id for update skip locked)
    returning id
), over as (
    delete from queueapi.fallbacks
    where id in (
        select id from queueapi.fallbacks
        where case when node is null then until < now()
                   else not exists (select from queueapi.nodes where nodes.id = node and nodes.until >= now()) end
        order by id for update skip locked
    )
    returning connection
)
select id, null from dead union all select null, connection from over
