-- Where a reader begins: this database (and its timeline, which a failover changes), and now.
select system.system_identifier::text || '-' || checkpoint.timeline_id::text, pg_current_snapshot()::text
from pg_control_system() as system, pg_control_checkpoint() as checkpoint
