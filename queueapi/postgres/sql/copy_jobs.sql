copy queueapi.jobs (id, queue, kind, args, priority, max_attempts) from stdin
