-- It pushes nothing until it is resumed.
update queueapi.crons set paused_at = coalesce(paused_at, now()) where name = %(name)s returning name
