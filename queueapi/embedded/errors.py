"""What can go wrong here, as one class: every cause is for a person to remove, not for a program."""


class EmbeddedError(RuntimeError):
    """The embedded server cannot do what was asked; the sentence says why, and what to do."""
