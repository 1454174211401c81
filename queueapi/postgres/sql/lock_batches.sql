-- Who has the lock looks again, at what stands there then: of several that ended the last jobs at once, one completes.
select id from queueapi.batches where id = any (%(ids)s::bigint[]) and not over order by id for update
