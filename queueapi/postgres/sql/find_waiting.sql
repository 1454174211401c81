-- What waits of a kind: with these arguments, or with any. Walks all that waits: for people, not for a loop.
select id, state
from queueapi.jobs
where kind = %(kind)s::text and state in ('available', 'scheduled', 'blocked')
  and (%(args)s::text is null or args::jsonb = %(args)s::jsonb)
order by id
