-- Sessions of Bayeux clients, so that any node carries on where another left off; and what they have published of late.
--
-- The node that serves a session has it in memory. What stands here is what another needs to go on: nothing in the log
-- is lost by that, since a session is a cursor into it, and not a box of messages.

create table queueapi.sessions (
    id            text primary key,
    node          uuid not null,                  -- who serves it
    turn          bigint not null default 1,      -- whoever takes it over counts on: writes of an earlier turn change nothing
    roaming       boolean not null default false, -- it has been taken over: the next request may go elsewhere again
    acks          boolean not null,               -- its client confirms by number (CometD's extension "ack")
    subscriptions json not null default '{}',     -- the channel as it was asked for -> what that stands for
    cursor        text not null,                  -- all that this sees has been received
    sent          text,                           -- how far the last answer reached that is not confirmed,
    sent_for      text,                           -- and the id of the connect that was answered by it
    number        bigint not null default 0,      -- of that answer
    until         timestamptz not null
) with (fillfactor = 50);

-- A client whose connection breaks publishes again, under the same number: one of the two counts.
create table queueapi.publications (
    session text not null,
    id      text not null, -- the client's number, as JSON
    at      timestamptz not null default now(),
    primary key (session, id)
);
