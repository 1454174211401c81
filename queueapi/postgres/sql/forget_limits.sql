-- The numbers stay until the next claim brings those of the class.
update queueapi.limits set by_hand = false where key = any (%(keys)s::text[]) and by_hand returning key
