-- Those whose turn it still is, in order, so that two nodes that write about the same ones do not wait for each other.
-- Not durable: a crash of the server, in which the last of these may be lost, makes all cursors void anyway.
with given as materialized (
    select id, turn, subscriptions, cursor, sent, sent_for, number
    from unnest(%(ids)s::text[], %(turns)s::bigint[], %(subscriptions)s::text[], %(cursors)s::text[],
                %(sents)s::text[], %(sent_fors)s::text[], %(numbers)s::bigint[])
         as given (id, turn, subscriptions, cursor, sent, sent_for, number)
), ours as materialized (
    select session.id, session.turn
    from queueapi.sessions as session
    join given on given.id = session.id and given.turn = session.turn
    where set_config('synchronous_commit', 'off', true) is not null
    order by session.id
    for update of session
)
update queueapi.sessions as session
set subscriptions = coalesce(given.subscriptions::json, session.subscriptions),
    cursor = given.cursor,
    sent = given.sent,
    sent_for = given.sent_for,
    number = given.number,
    until = now() + %(seconds)s * interval '1 second'
from given join ours on ours.id = given.id and ours.turn = given.turn
where session.id = given.id
returning session.id, session.turn
