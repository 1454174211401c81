-- Messages that found no partition of their day: the only ones that leave by DELETE. As with a dropped partition, the
-- newest transaction that goes is remembered.
with gone as (
    delete from queueapi.messages_default where at < now() - %(days)s * interval '1 day' returning xid
)
update queueapi.messages_floor
set xid = greatest(messages_floor.xid, (select xid from gone order by xid desc limit 1))
where exists (select from gone)
