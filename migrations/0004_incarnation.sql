-- The name of this life of the database, which part of every cursor is.
--
-- A crash gives the numbers of transactions that had left nothing on the disk to others: a cursor from before it would
-- take their messages for seen. Unlogged is the point: a crash, and a failover, empty this table, and the first reader
-- afterwards writes a new name. A clean restart keeps it, and every cursor holds.
create unlogged table queueapi.incarnation (
    only_row boolean primary key default true check (only_row),
    name     uuid not null default gen_random_uuid()
);
