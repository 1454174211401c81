-- Whether more may be added; if so, it does not end before this transaction does: who completes it locks the row, too.
select completed_at is null from queueapi.batches where id = %(id)s for key share
