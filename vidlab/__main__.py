"""`python -m vidlab` is `vidlab`."""

import sys

from vidlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
