-- The sample app's own tables, applied by db.apply_schema whenever one of its processes starts.
-- The job tables are queueapi's and stand in the schema "queueapi".
--
-- Every operation's first row and its job are committed together (see sample_app/imports/pages.py), and job_id ties
-- them: whoever may see the job may see the rows.

create schema if not exists sample_app;

-- notifications -----------------------------------------------------------------------------------------------------

create table if not exists sample_app.mailings (
    id         bigint generated always as identity primary key,
    job_id     bigint unique,
    subject    text not null,
    recipients integer not null,
    created_at timestamptz not null default now()
);

-- One row for a mail that was sent. The primary key is what keeps a retry from sending it again.
create table if not exists sample_app.deliveries (
    mailing_id   bigint not null references sample_app.mailings on delete cascade,
    recipient    integer not null,
    delivered_at timestamptz not null default now(),
    primary key (mailing_id, recipient)
);

-- The mailbox of the local mail server. A message that arrives twice is stored once, as most real servers do it.
create table if not exists sample_app.mails (
    id          bigint generated always as identity primary key,
    message_id  text not null,
    sender      text not null,
    recipient   text not null,
    subject     text not null,
    source      bytea not null,
    received_at timestamptz not null default now(),
    unique (message_id, recipient)
);

-- imports -----------------------------------------------------------------------------------------------------------

create table if not exists sample_app.uploads (
    id          bigint generated always as identity primary key,
    job_id      bigint unique,
    filename    text not null,
    spool_name  text not null,
    bytes       bigint not null,
    lines       bigint not null,
    created_at  timestamptz not null default now(),
    imported    bigint,
    bad         bigint,
    finished_at timestamptz
);

-- Keyed by where it stood in the file, so that a retry writes the same rows over itself.
create table if not exists sample_app.contacts (
    upload_id bigint not null references sample_app.uploads on delete cascade,
    line      bigint not null,
    name      text not null,
    email     text not null,
    amount    numeric(12, 2) not null,
    day       date not null,
    primary key (upload_id, line)
);

create table if not exists sample_app.bad_rows (
    upload_id bigint not null references sample_app.uploads on delete cascade,
    line      bigint not null,
    reason    text not null,
    source    text not null,
    primary key (upload_id, line)
);

-- reports -----------------------------------------------------------------------------------------------------------

create table if not exists sample_app.reports (
    id         bigint generated always as identity primary key,
    job_id     bigint unique,
    created_at timestamptz not null default now(),
    chart      bytea,
    document   bytea
);

-- rates -------------------------------------------------------------------------------------------------------------

create table if not exists sample_app.rate_runs (
    id         bigint generated always as identity primary key,
    job_id     bigint unique,
    base       text not null,
    created_at timestamptz not null default now()
);

-- One row for an answer that was got, so that a retry asks only for what is still missing.
create table if not exists sample_app.rates (
    run_id     bigint not null references sample_app.rate_runs on delete cascade,
    currency   text not null,
    rate       numeric(18, 6) not null,
    calls      integer not null,
    fetched_at timestamptz not null default now(),
    primary key (run_id, currency)
);

-- visitors ----------------------------------------------------------------------------------------------------------

-- Who has said a name. The key is a digest of the browser's cookie, which itself is kept nowhere.
create table if not exists sample_app.visitors (
    key       text primary key,
    name      text not null,
    joined_at timestamptz not null default now()
);

-- the bell ----------------------------------------------------------------------------------------------------------

-- Who started a job: whom to tell of its end.
create table if not exists sample_app.started (
    id         bigint generated always as identity primary key,
    visitor    text not null,
    title      text not null,
    job_id     bigint,
    created_at timestamptz not null default now()
);

-- A row for each bell that ever rang: its lock puts those who ring in order, its version says which number is later.
create table if not exists sample_app.bells (
    visitor text primary key,
    version bigint not null
);

-- Unique, so that a job that runs twice tells once.
create table if not exists sample_app.notices (
    id         bigint generated always as identity primary key,
    visitor    text not null,
    origin     text not null,
    sentence   text not null,
    link       text not null,
    created_at timestamptz not null default now(),
    read_at    timestamptz,
    unique (visitor, origin)
);
create index if not exists notices_visitor on sample_app.notices (visitor, id);

-- pads --------------------------------------------------------------------------------------------------------------

create table if not exists sample_app.pads (
    id         bigint generated always as identity primary key,
    title      text not null,
    created_at timestamptz not null default now()
);

-- A text is the sum of its updates (see sample_app/pads/text.py). Rows are added; now and then a job makes one of many.
create table if not exists sample_app.pad_updates (
    id       bigint generated always as identity primary key,
    pad_id   bigint not null references sample_app.pads on delete cascade,
    update   bytea not null,
    added_at timestamptz not null default now()
);
create index if not exists pad_updates_pad on sample_app.pad_updates (pad_id, id);

-- comments ----------------------------------------------------------------------------------------------------------

-- The nonce comes from the form: sent twice, it is still one comment.
create table if not exists sample_app.comments (
    id         bigint generated always as identity primary key,
    pad_id     bigint not null references sample_app.pads on delete cascade,
    visitor    text not null,
    author     text not null,
    body       text not null,
    nonce      text not null,
    written_at timestamptz not null default now(),
    unique (pad_id, visitor, nonce)
);
create index if not exists comments_pad on sample_app.comments (pad_id, id);

create table if not exists sample_app.followers (
    pad_id  bigint not null references sample_app.pads on delete cascade,
    visitor text not null,
    primary key (pad_id, visitor)
);
