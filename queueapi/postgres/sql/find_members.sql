-- Which of these are members already.
select channel, user_id from unnest(%(channels)s::text[], %(users)s::text[]) as asked (channel, user_id)
join queueapi.members using (channel, user_id)
where connections > 0
