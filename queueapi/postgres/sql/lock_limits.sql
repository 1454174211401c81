-- Locks the limits of these keys, in their order, so that no two wait for each other; and writes down what the jobs'
-- class says of them, unless somebody said otherwise at run time: of that very key, or of all that are of its name.
insert into queueapi.limits as present (key, slots, starts, period, bucket)
select class.key,
       case when by_hand then hand.slots else class.slots end,
       case when by_hand then hand.starts else class.starts end,
       case when by_hand then hand.period else class.period end,
       case when by_hand then hand.bucket else class.bucket end
from unnest(%(keys)s::text[], %(names)s::text[], %(slots)s::integer[], %(starts)s::integer[], %(periods)s::float8[],
            %(buckets)s::boolean[]) as class (key, name, slots, starts, period, bucket)
left join queueapi.limits as hand on hand.key = class.name and hand.by_hand
order by class.key
on conflict (key) do update
set slots = excluded.slots, starts = excluded.starts, period = excluded.period, bucket = excluded.bucket
where not present.by_hand
  and (present.slots, present.starts, present.period, present.bucket)
      is distinct from (excluded.slots, excluded.starts, excluded.period, excluded.bucket)
