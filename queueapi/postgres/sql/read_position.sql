-- Where a reader begins: this database (and its timeline, which a failover changes at once), and now. A snapshot
-- means something only there.
select system.system_identifier::text
       || '-' || (select oid from pg_database where datname = current_database())
       || '-' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
       pg_current_snapshot()::text
from pg_control_system() as system
