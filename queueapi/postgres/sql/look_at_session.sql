-- Where a Bayeux client's session stands, for people: nobody takes it over by that.
select roaming, acks, array(select json_object_keys(subscriptions)), cursor, sent,
       extract(epoch from until - clock_timestamp())::float8
from queueapi.sessions
where id = %(id)s
