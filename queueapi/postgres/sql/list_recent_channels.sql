-- On which channels the last thousand messages were.
select distinct channel from (select channel from queueapi.messages order by xid desc, id desc limit 1000) as recent
