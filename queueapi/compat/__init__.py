"""The words of other queues: :mod:`.delayed_job`, :mod:`.resque`, :mod:`.sidekiq`, and Django's tasks.

Each only translates its own words into ``queue.push`` and the options of a job. What runs the jobs is the one worker.
"""
