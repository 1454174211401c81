"""``python -m queueapi``: the same as the script ``queueapi``."""

import sys

from queueapi.cli import main

if __name__ == "__main__":
    sys.exit(main())
