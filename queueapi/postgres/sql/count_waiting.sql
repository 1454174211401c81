-- Each part by its own index. Planned anew each time, and so with the queue's name known: see sessions.py.
select (select count(*) from queueapi.jobs
        where state = 'available' and (%(queue)s::text is null or queue = %(queue)s::text))
     + (select count(*) from queueapi.jobs
        where state = 'scheduled' and (%(queue)s::text is null or queue = %(queue)s::text))
     + (select count(*) from queueapi.jobs
        where state = 'blocked' and (%(queue)s::text is null or queue = %(queue)s::text))
