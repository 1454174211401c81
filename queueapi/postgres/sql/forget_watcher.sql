with watcher as (delete from queueapi.watchers where id = %(watcher)s)
delete from queueapi.watches where watcher = %(watcher)s
