"""The database's URL as people may see it: without a password, wherever in it one stands.

Works on the text alone, so that a URL which cannot be read gives nothing away either.

    shown("postgresql://me:s3cret@db/nearboot")    # postgresql://me:***@db/nearboot
"""

from __future__ import annotations

import re

# To the last "@": a password may hold ":", "/" and "@" where its author forgot to escape them.
_IN_AUTHORITY = re.compile(r"://([^:/@]*):.*@")
# libpq takes its settings from the query as well.
_IN_QUERY = re.compile(r"([?&][a-z]*password=)[^&]*", re.IGNORECASE)


def shown(url: str) -> str:
    """The URL with ``***`` for each password."""
    return _IN_QUERY.sub(r"\1***", _IN_AUTHORITY.sub(r"://\1:***@", url))
