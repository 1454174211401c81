-- The numbers stay until the next claim brings those of the class.
with said as materialized (
    select key from queueapi.limits where key = any (%(keys)s::text[]) and by_hand order by key for update
)
update queueapi.limits set by_hand = false from said where limits.key = said.key returning limits.key
