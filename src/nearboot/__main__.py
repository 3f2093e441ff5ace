"""``python -m nearboot``: the same as the ``nearboot`` command."""

from nearboot.cli import main

main()
