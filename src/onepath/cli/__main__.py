"""`python -m onepath.cli` is `onepath`."""

from onepath.cli import main

if __name__ == "__main__":
    main()
