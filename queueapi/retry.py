"""How long a failed job waits before it is tried again. Pure; randomness is passed in."""

from __future__ import annotations

# 25 attempts on this curve span about 20 days: a long week-end plus the time to notice, mend and deploy.
MAX_ATTEMPTS = 25


def delay(attempt: int, random: float) -> float:
    """Seconds to wait after the given failed attempt: ``n⁴ + 15``, and up to ``10 n`` more.

    The curve is Sidekiq's (wiki, "Error Handling"): quick at first, since most failures are hiccups, and days
    later on, since the rest need a person. The random part keeps jobs that failed together from coming back
    together.

    Args:
        attempt: the number of the attempt that failed, from 1.
        random: a number in [0, 1).
    """
    return attempt**4 + 15 + random * 10 * attempt
