-- Under the channels' locks: their members, and the number that the log had come to. What is announced of them with a
-- higher one is not in the list.
select (select last_value from queueapi.messages_id_seq), channel, user_id, info
from (values (1)) as always (row)
left join queueapi.members on channel = any (%(names)s::text[]) and connections > 0
order by channel, user_id
