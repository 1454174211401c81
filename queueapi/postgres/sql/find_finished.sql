-- Which of these outcomes stand already: asked when the connection broke before the answer to finish_jobs came.
select finished.id, finished.token
from queueapi.finished
join unnest(%(ids)s::bigint[], %(tokens)s::bigint[]) as outcome (id, token)
  on finished.id = outcome.id and finished.token = outcome.token
