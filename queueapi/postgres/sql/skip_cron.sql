-- The schedule's next time, if that is still the one that could not be dealt with: another may have been able to.
update queueapi.crons set next_at = %(next_at)s where name = %(name)s and next_at = %(due)s
