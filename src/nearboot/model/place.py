"""The way up the place tree: from a rack to its site to its region."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nearboot.model.identity import Slug
from nearboot.model.inventory import Location

Parents = Mapping[Slug, Slug | None]


def parents_of(locations: Iterable[Location]) -> Parents:
    """Each location's parent, as ``upwards`` wants it."""
    return {location.slug: location.parent for location in locations}


def upwards(start: Slug, parents: Parents) -> Iterator[Slug]:
    """A place and what contains it, innermost first, each once (a cycle is left where it closes).

    Places that ``parents`` does not hold are yielded too: something stands there, and others may know them.
    """
    seen: set[Slug] = set()
    at: Slug | None = start
    while at is not None and at not in seen:
        seen.add(at)
        yield at
        at = parents.get(at)
