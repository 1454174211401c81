select user_id from queueapi.members where channel = %(channel)s and connections > 0 order by user_id
