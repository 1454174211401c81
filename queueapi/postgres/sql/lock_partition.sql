-- The parent first, as everybody who reads or writes: who had it and then waited for the partition would be waited for.
lock table only {parent}, {partition} in access exclusive mode
