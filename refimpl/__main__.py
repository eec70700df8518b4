"""`python -m refimpl`: the reference loader's command by itself."""

from refimpl.command import main

if __name__ == "__main__":
    main()
