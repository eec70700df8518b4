"""``python -m harness`` is ``loadloom``."""

from .cli import main

if __name__ == "__main__":
    main()
