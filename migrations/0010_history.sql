-- The last messages of a channel, for pages that are opened late; and how many of them, where the application says so.

-- read_history. Not by messages_channel: that is in the order of transactions, and what one publishes at the end of
-- half an hour would be older there than all that came meanwhile.
create index messages_history on queueapi.messages (channel, id);

-- How much of a channel those see who come late: of the key of a channel or pattern (names.py), the closest counts.
create table queueapi.keeps (
    key   text primary key check (length(key) between 1 and 201),
    count integer not null check (count >= 0),
    age   double precision not null check (age > 0) -- seconds
);

-- Messages live for days and may have a megabyte. Not compressed, their size is known without reading them, and nobody's
-- memory is filled by what was missed.
alter table queueapi.messages alter column data set storage external;

-- Who inserts by hand and writes the channel as a path would be heard by nobody: /messages/new is messages.new here.
-- Not valid: what the log holds already stays as it is.
alter table queueapi.messages add constraint messages_flat check (left(channel, 1) <> '/') not valid;
