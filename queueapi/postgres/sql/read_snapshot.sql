-- What somebody who begins to listen now has missed: all that this sees.
select pg_current_snapshot()::text
