select what, name, paused_at from queueapi.pauses order by what desc, name
