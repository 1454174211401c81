-- Takes a fallback connection for a request, from an older one if there is any. No row: there is none, or it is over.
update queueapi.fallbacks set node = %(node)s::uuid, lease = lease + 1
where id = %(id)s and (node is not null or until > now())
returning connection, lease, state, cursor
