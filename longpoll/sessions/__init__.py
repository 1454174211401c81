"""Sessions that any node can go on with: a cursor into the log and what its client listens to, in a table.

The node that serves a session has it in memory, and writes down how far it came. A request that arrives at another
node takes the session over, by one statement that counts its turn on; whatever the former node still writes about it
bears the old turn, and changes nothing.
"""
