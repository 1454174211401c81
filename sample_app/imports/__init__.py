"""Operation 2: a CSV file of any size, streamed to disk, then by a job into a table; its bad rows reported by line."""
