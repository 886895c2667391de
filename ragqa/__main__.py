"""The `ragqa` command, also as `python -m ragqa`: by a running server, else in this process."""

import sys

from ragqa.client import served


def main() -> None:
    """Run the command and exit with its code."""
    code = served(sys.argv[1:])
    if code is None:
        from ragqa.cli import main as run

        run()
    sys.exit(code)


if __name__ == "__main__":
    main()
