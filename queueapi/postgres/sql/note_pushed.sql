-- How many jobs the batch has got: those of the ids that are really new, and in it. A unique one may have been there
-- before.
insert into queueapi.batch_ledger (batch_id, pushed)
select batch_id, count(*) from queueapi.jobs
where batch_id = %(batch)s and id > %(newest)s and id = any (%(ids)s::bigint[])
group by batch_id
