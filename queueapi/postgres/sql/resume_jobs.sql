delete from queueapi.pauses where what = %(what)s and name = %(name)s returning name
