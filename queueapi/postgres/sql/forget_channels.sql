-- Under their locks: the rows that count nothing any more.
with empty as (
    delete from queueapi.members where channel = any (%(names)s::text[]) and connections = 0
)
delete from queueapi.channels where name = any (%(names)s::text[]) and connections = 0
