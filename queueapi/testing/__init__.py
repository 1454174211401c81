"""For the tests of applications: assertions, and what runs the jobs of a test.

The fixtures themselves are pytest's and need no import: ``test_queue``, ``inline_queue``, ``queueapi_db`` and
``queueapi_worker``, see :mod:`queueapi.pytest_plugin`.
"""

from queueapi.testing.assertions import assert_not_pushed, assert_pushed

__all__ = ["assert_not_pushed", "assert_pushed"]
