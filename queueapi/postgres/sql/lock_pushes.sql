-- Who pushes several unique jobs in one statement does so in the order of their keys; who needs several statements
-- cannot, and so is alone. Else two could wait for each other's keys.
select case when %(alone)s::boolean then pg_advisory_xact_lock(hashtext('queueapi'), hashtext('unique pushes'))
            else pg_advisory_xact_lock_shared(hashtext('queueapi'), hashtext('unique pushes')) end
