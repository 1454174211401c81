-- What there is for a supervisor to do, so that it asks for nothing in vain: in how many seconds the next tick is due of
-- a schedule that one of these processes knows, and the next scheduled job; whether anything is available, blocked by a
-- limit or a pause, or an open batch. Ordered, so that each is the first entry of one index, and nothing else.
select (select extract(epoch from min(next_at) - clock_timestamp())::float8
        from queueapi.crons
        where paused_at is null
          and name in (select unnest(crons) from queueapi.workers where id = any (%(workers)s::uuid[]))),
       (select extract(epoch from run_at - clock_timestamp())::float8
        from queueapi.jobs where state = 'scheduled' order by run_at limit 1),
       (select true from queueapi.jobs where state = 'available' order by queue, priority, id limit 1) is not null,
       (select true from queueapi.jobs where state = 'blocked' and blocked_by > 'kind' and blocked_by < 'limiu'
        order by blocked_by limit 1) is not null,
       (select true from queueapi.batches where not over order by id limit 1) is not null
