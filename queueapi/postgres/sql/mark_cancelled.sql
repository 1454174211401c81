-- Somebody wants a job to stop that another runs: that stands in its row from now on, wherever it goes, and the process
-- that has it is told, on the channel on which it is woken. Should it come back to the queue, it is not run again.
update queueapi.jobs set cancelled_at = coalesce(cancelled_at, now())
where id = %(id)s
returning state, case when worker is not null
                      then pg_notify('queueapi_wake_' || replace(worker::text, '-', ''), 'cancel ' || id) end
