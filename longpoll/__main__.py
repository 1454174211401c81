"""``python -m longpoll`` is ``longpoll-serve``."""

import sys

from longpoll.serve import main

sys.exit(main())
