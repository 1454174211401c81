-- Its client is there, and wants nothing of whoever serves it.
update queueapi.sessions set until = now() + %(seconds)s * interval '1 second'
where id = %(id)s and until > now() and set_config('synchronous_commit', 'off', true) is not null
returning id
