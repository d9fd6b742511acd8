"""`python -m winmigrate` is `winmigrate`."""

from winmigrate.cli import main

if __name__ == "__main__":
    main()
