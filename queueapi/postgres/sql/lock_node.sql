-- Nobody sweeps it before this transaction has ended, however late it is; no row: it has been swept.
select id from queueapi.nodes where id = %(node)s::uuid for key share
