insert into queueapi.batches (parent_id, callbacks) values (%(parent)s, %(callbacks)s) returning id
