-- Rows that found no partition of their day: the only ones that leave by DELETE.
delete from queueapi.finished_default where keep_until < now()
