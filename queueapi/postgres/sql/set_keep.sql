insert into queueapi.keeps (key, count, age) values (%(key)s, %(count)s, %(age)s)
on conflict (key) do update set count = excluded.count, age = excluded.age
