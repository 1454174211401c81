-- Before a partition of messages is dropped: remember the newest transaction that goes with it.
update queueapi.messages_floor
set xid = greatest(xid, coalesce((select xid from {partition} order by xid desc limit 1), '0'::xid8))
