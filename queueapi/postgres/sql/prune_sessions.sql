-- Whose client has not been heard of for longer than it may be away; and publications that nobody will repeat.
with sessions as (
    delete from queueapi.sessions where until < now()
)
delete from queueapi.publications where at < now() - %(seconds)s * interval '1 second'
