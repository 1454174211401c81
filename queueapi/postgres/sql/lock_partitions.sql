-- One at a time makes and drops partitions, of all processes that do.
select pg_advisory_xact_lock(hashtextextended('queueapi.partitions', 0))
