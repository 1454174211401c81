select name, queues, slots, extract(epoch from now() - started_at)::float8,
       extract(epoch from now() - seen_at)::float8,
       (select count(*) from queueapi.jobs where state = 'running' and worker = workers.id)
from queueapi.workers order by name, started_at
