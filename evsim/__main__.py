"""`python -m evsim`."""

import sys

INTERRUPTED = 130

if __name__ == "__main__":
    try:
        from evsim.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
