"""``python -m skillcore`` is the ``skillcore`` command."""

import sys

from skillcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
