-- A job whose last attempt was lost together with its worker is told so by a hook of its own, on_dead, and only a worker
-- can call that. So it goes back to its queue once more; who claims it calls the hook, does not run it, and sets it aside.

alter table queueapi.jobs add column dead_at timestamptz; -- since when it is to be told; null for nearly all
