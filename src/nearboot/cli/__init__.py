"""The command line, one file a noun: parse, one call, print.

Exit codes: 0 done, 1 error, 2 there are changes (``--dry-run`` and differences), 130 interrupted.
"""

from __future__ import annotations


def main() -> None:
    """Run the ``nearboot`` command with the process's arguments and exit."""
    from nearboot.cli.root import run  # noqa: PLC0415 - keeps `import nearboot.cli` free of click

    raise SystemExit(run())
