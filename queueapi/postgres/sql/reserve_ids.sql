select string_agg(nextval('queueapi.jobs_id_seq')::text, ',') from generate_series(1, %(count)s::integer)
