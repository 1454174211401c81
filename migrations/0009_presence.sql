-- Who is connected by Pusher's protocol, to which channels, and who is a member of which: over all nodes. A node is a
-- process that serves browsers; it says again and again that it lives, and what a dead one held, the living take away.
--
-- All of it is unlogged: after a crash of the server every cursor is answered with a reset, so every client connects
-- anew, and whatever stood here would be a ghost.

create unlogged table queueapi.nodes (
    id    uuid primary key,
    until timestamptz not null
) with (fillfactor = 50);

-- A channel's row is there while somebody is connected to it. Its lock decides who came first and who left last: whoever
-- joins or leaves takes it before anything else, so that each member is announced once, and in the order of the log.
create unlogged table queueapi.channels (
    name        text primary key,
    connections integer not null default 0,
    users       integer not null default 0, -- members, however many connections each has
    announced   integer not null default 0  -- connections, when their number was last told to all
) with (fillfactor = 50);

create unlogged table queueapi.subscriptions (
    channel    text not null,
    connection text not null,
    node       uuid, -- that holds the connection; null: it lives as long as its row in fallbacks
    user_id    text,
    primary key (channel, connection)
);

-- leave_connections: all that one connection has.
create index subscriptions_connection on queueapi.subscriptions (connection);
-- sweep_presence: all that a dead node has.
create index subscriptions_node on queueapi.subscriptions (node) where node is not null;

create unlogged table queueapi.members (
    channel     text not null,
    user_id     text not null,
    info        text, -- JSON, as the first connection brought it
    connections integer not null,
    primary key (channel, user_id)
) with (fillfactor = 50);

-- Connections that are made of one request after another, each of which any node may get.
create unlogged table queueapi.fallbacks (
    id         text primary key,  -- what the client calls itself in its addresses
    connection text not null,     -- its socket id
    node       uuid,              -- that answers its request; null: it has none under way
    lease      bigint not null,   -- of that request: whoever took it last is the one that may give it back
    until      timestamptz,       -- without a request under way it is over then
    state      text not null,     -- JSON: the channels, and the user
    cursor     text               -- how far it has been told; null: nothing yet
) with (fillfactor = 50);

create unique index fallbacks_connection on queueapi.fallbacks (connection);
