"""What is done around every push and every attempt: :mod:`.chain`; and what most applications want done there.

Each of the other modules is for one library, and imports nothing of the others.
"""
