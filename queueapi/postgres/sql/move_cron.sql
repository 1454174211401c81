-- The schedule's next time, in the transaction that made its push.
update queueapi.crons
set next_at = %(next_at)s,
    last_at = case when %(pushed)s then greatest(now(), last_at) else last_at end,
    last_id = coalesce(%(id)s::bigint, last_id)
where name = %(name)s
