"""The entry point of the command `tallyd`; everything it can do is in `cli`."""

from tallyd.cli.root import main

if __name__ == "__main__":
    main()
