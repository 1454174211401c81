delete from queueapi.workers where id = %(worker)s
