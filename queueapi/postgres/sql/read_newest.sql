-- Every id that is given out from now on is greater.
select nextval('queueapi.jobs_id_seq')
