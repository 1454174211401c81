-- Jobs that nobody will ever let begin, of which only somebody at psql can be the cause: blocked by what no code of ours
-- says, or by a job that neither lives nor is dead. The former from between the known words (chr(59) comes right after
-- their colon); the latter from one such job to the next, so many at a time. Last, how far that came.
with recursive before (reason) as (
    (select blocked_by from queueapi.jobs
     where state = 'blocked' and blocked_by > greatest('job:', %(after)s::text) and blocked_by < 'job' || chr(59)
     order by blocked_by limit 1)
    union all
    select (select blocked_by from queueapi.jobs
            where state = 'blocked' and blocked_by > before.reason and blocked_by < 'job' || chr(59)
            order by blocked_by limit 1)
    from before
    where reason is not null
), looked as materialized (
    select reason, case when reason ~ '^job:\d{1,18}$' then substr(reason, 5)::bigint end as job
    from before where reason is not null limit %(most)s
), gone as (
    select reason from looked
    where not exists (select from queueapi.jobs where id = job)
      and not exists (select from queueapi.finished where keep_until = 'infinity' and state = 'dead' and id = job)
), odd as (
    select found.id, found.blocked_by
    from (values ('', 'job:'), ('job' || chr(59), 'kind:'), ('kind' || chr(59), 'limit:')) as gap (low, high)
    cross join lateral (select id, blocked_by from queueapi.jobs
                        where state = 'blocked' and blocked_by >= low and blocked_by < high
                        order by blocked_by limit %(shown)s) as found
    union all
    (select id, blocked_by from queueapi.jobs
     where state = 'blocked' and blocked_by >= 'limit' || chr(59)
     order by blocked_by limit %(shown)s)
    union all
    (select first.id, reason
     from gone
     cross join lateral (select id from queueapi.jobs where state = 'blocked' and blocked_by = reason
                         order by priority, id limit 1) as first
     limit %(shown)s)
)
select (select json_agg(json_build_array(id, blocked_by))::text from odd), (select count(*) from looked),
       (select max(reason) from looked)
