"""Run a scenario: `python run_simulator.py [CONFIG]`; the same as `python -m evsim run`."""

import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
NEEDED = Path(__file__).resolve().parent / "requirements.txt"
INTERRUPTED = 130


def start() -> None:
    """Run, or say what is missing."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        sys.exit(f"evsim needs Python {wanted} or later; this is Python {sys.version.split()[0]}")
    try:
        from evsim.cli import main_run

        main_run()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("evsim"):
            raise
        install = f'"{sys.executable}" -m pip install -r "{NEEDED}"'
        sys.exit(f"the package {error.name!r} is missing; install what evsim needs with:\n  {install}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    start()
