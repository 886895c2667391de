"""`python -m ragqa`: the same program as the `ragqa` command."""

from ragqa.cli import main

if __name__ == "__main__":
    main()
