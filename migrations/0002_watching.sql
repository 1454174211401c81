-- What browsers see of jobs while they run: progress, and who wants to know.
--
-- Both stand beside the job's row, never in it: writing there would lock it, and SKIP LOCKED would skip it.

create table queueapi.progress (
    job_id     bigint primary key,
    token      bigint not null,   -- of the attempt that reported it: another attempt's progress is not shown
    done       double precision not null,
    total      double precision,
    message    text,
    updated_at timestamptz not null default now()
) with (fillfactor = 50);

-- Who waits for which job: one row per waiting process, not per browser. finish_jobs looks here, so a job that
-- nobody watches costs nothing extra. Unlogged: after a crash the watchers watch anew.
create unlogged table queueapi.watches (
    job_id  bigint not null,
    watcher uuid not null,
    primary key (job_id, watcher)
);

create unlogged table queueapi.watchers (
    id    uuid primary key,
    until timestamptz not null
) with (fillfactor = 50);
