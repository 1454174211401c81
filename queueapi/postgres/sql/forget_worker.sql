-- A process ended. Whoever pushes must not wake it in another's place.
with sleeper as (
    delete from queueapi.sleepers where channel = 'queueapi_wake_' || replace(%(worker)s::uuid::text, '-', '')
)
delete from queueapi.workers where id = %(worker)s
