-- Said at run time, for the key, and for those of its values that nothing else was said of. Locked in the order of the
-- keys, as everybody does: the key itself is the first of them.
with said as (
    insert into queueapi.limits (key, slots, starts, period, bucket, by_hand)
    values (%(key)s::text, %(slots)s::integer, %(starts)s::integer, %(period)s::float8, %(bucket)s::boolean, true)
    on conflict (key) do update
    set slots = excluded.slots, starts = excluded.starts, period = excluded.period, bucket = excluded.bucket,
        by_hand = true
    returning key
), others as materialized (
    select key
    from queueapi.limits, (select count(*) from said) as first
    where starts_with(key, %(key)s::text || ':') and not by_hand
    order by key
    for update of limits
), changed as (
    update queueapi.limits
    set slots = %(slots)s::integer, starts = %(starts)s::integer, period = %(period)s::float8,
        bucket = %(bucket)s::boolean
    from others
    where limits.key = others.key
    returning limits.key
)
select key from said union all select key from changed
