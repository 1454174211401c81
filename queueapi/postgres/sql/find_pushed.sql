-- Which of these jobs this very transaction has pushed. What another pushed at the same moment, and is the same, may have
-- a greater id than any that was there when we looked: but its transaction is over, or else nobody would see the job. A
-- row that we have replaced is ours as well, and was pushed at another time. Numbers of transactions in rows have lost
-- their upper half; ours, and those of our savepoints, are never below that of the transaction.
with own as materialized (
    select pg_current_xact_id()::text::bigint as xid
), found as materialized (
    select id, xid, mod(jobs.xmin::text::bigint - mod(xid, 4294967296) + 4294967296, 4294967296) as further
    from queueapi.jobs cross join own
    where id = any (%(ids)s::bigint[]) and id > %(newest)s and pushed_at = now()
)
select id
from found
where case when further < 2147483648 then pg_xact_status((xid + further)::text::xid8) = 'in progress' else false end
