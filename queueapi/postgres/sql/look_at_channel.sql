-- The last message of a channel, and how many there were within the hour, counted up to a thousand.
select last.id, last.event, extract(epoch from clock_timestamp() - last.at)::float8,
       (select count(*) from (select from queueapi.messages
                              where channel = %(channel)s and at > clock_timestamp() - interval '1 hour'
                              limit 1000) as counted)
from queueapi.messages as last
where channel = %(channel)s
order by id desc
limit 1
