-- Whether all that came after a cursor is still there: nothing dropped is newer than it, and no transaction that was
-- under way then has ended below the floor. The last column names this database and its timeline.
select floor.xid < pg_snapshot_xmax(%(after)s::pg_snapshot)
       and not exists (select from pg_snapshot_xip(%(after)s::pg_snapshot) as xip
                       where xip <= floor.xid and pg_visible_in_snapshot(xip, pg_current_snapshot()))
       and pg_snapshot_xmax(%(after)s::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot())
from queueapi.messages_floor as floor
