-- Which jobs kept others out: those that wait or run, and those whose time of being unique is not over. A window that
-- one of those kept out had opened, before it met a job, is closed.
with closed as (
    delete from queueapi.windows where key = any (%(keys)s::text[]) and job_id = any (%(kept_out)s::bigint[])
)
select unique_key, id, state from queueapi.jobs where unique_key = any (%(keys)s::text[])
union all
select key, job_id, 'ended' from queueapi.windows
where key = any (%(windowed)s::text[]) and until > now() and job_id <> all (%(kept_out)s::bigint[])
