delete from queueapi.keeps where key = %(key)s
