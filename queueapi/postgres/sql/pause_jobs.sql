insert into queueapi.pauses (what, name) values (%(what)s, %(name)s) on conflict do nothing returning name
