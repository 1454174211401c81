select id from queueapi.batches where not over and id > %(after)s order by id limit 1000
