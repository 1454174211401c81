delete from queueapi.sleepers where channel = %(channel)s
