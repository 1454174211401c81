-- What follows from a cancellation concerns: the batches of these, and why they were cancelled.
select id, batch_id, error ->> 'message'
from queueapi.finished
where id = any (%(ids)s::bigint[]) and state = 'cancelled'
