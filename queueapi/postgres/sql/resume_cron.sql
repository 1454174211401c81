-- What it would have pushed meanwhile is not made up for: somebody did not want it.
update queueapi.crons set paused_at = null, next_at = %(next_at)s where name = %(name)s and paused_at is not null
