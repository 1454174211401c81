-- Those of the fallback connections that are still there. Nobody ends them before this transaction does.
select connection from queueapi.fallbacks
where connection = any (%(connections)s::text[])
order by id for key share
