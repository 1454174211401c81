"""What can go wrong here, as one class: every cause is for a person to remove, not for a program."""

from queueapi.errors import QueueAPIError


class EmbeddedError(QueueAPIError, RuntimeError):
    """The embedded server cannot do what was asked; the sentence says why, and what to do."""
