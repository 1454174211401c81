-- The log of message channels: every message counts, and none is seen before its transaction commits.
--
-- Sequence numbers become visible out of order, so "id > last seen" loses messages. A reader's cursor is a
-- snapshot instead: new rows are those whose transaction that snapshot did not see. Hence xid beside id.

create table queueapi.messages (
    id      bigint generated always as identity,
    xid     xid8 not null default pg_current_xact_id(),
    -- clock_timestamp: a transaction older than the history must not write into a partition about to be dropped.
    at      timestamptz not null default clock_timestamp(),
    channel text not null check (length(channel) between 1 and 200),
    event   text not null check (length(event) between 1 and 200),
    data    json not null
) partition by range (at);

-- read_messages: what came after a cursor, for everybody.
create index messages_xid on queueapi.messages (xid, id);
-- replay_messages: what came after a cursor, on the channels of one browser that was away.
create index messages_channel on queueapi.messages (channel, xid, id);

create table queueapi.messages_default partition of queueapi.messages default;

-- The highest xid that was ever dropped: a cursor from before it cannot be honoured, and is told so.
create table queueapi.messages_floor (
    only_row boolean primary key default true check (only_row),
    xid      xid8 not null
);
insert into queueapi.messages_floor (xid) values ('0');
