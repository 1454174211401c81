-- What a message brings along beside its data: the connection that shall not get it back, and the user who sent it, both
-- of which Pusher's clients know. Null for all others.

alter table queueapi.messages add column meta json;
