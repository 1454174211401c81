-- Where a reader begins: this database in this life of it (see the table incarnation) and on this timeline, which a
-- failover changes; and now. A snapshot means something only there. No name: another reader is just writing it.
with born as (
    insert into queueapi.incarnation default values on conflict do nothing returning name
)
select system.system_identifier::text
       || '-' || (select oid from pg_database where datname = current_database())
       || '-' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
       || '-' || coalesce((select name from born), (select name from queueapi.incarnation)),
       pg_current_snapshot()::text
from pg_control_system() as system
