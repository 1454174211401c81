-- For this transaction. Its commit need not be durable: it belongs to a claim, which is not either, and what is brought
-- back and was forgotten is brought back again. And how many rows a LIMIT leaves, a cached plan cannot know: it would
-- read and sort all that a limit has blocked to find the first. Nor is anything compiled for what is switched off.
select set_config('synchronous_commit', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('jit', 'off', true)
