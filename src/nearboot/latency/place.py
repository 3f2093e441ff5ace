"""The place tree as latency needs it: who contains whom, which site a rack is of, how far apart two places are.

places = Places.of(locations)
places.distance_km("esams", "eqiad")    # 6200.0, or None where a coordinate is missing
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from nearboot.model import Location, LocationKind, Slug
from nearboot.model.place import Parents, parents_of, upwards

EARTH_RADIUS_KM = 6371.0088  # IUGG mean radius


@dataclass(frozen=True, slots=True)
class Places:
    """Locations by slug, and the questions about them."""

    by_slug: Mapping[Slug, Location]
    parents: Parents

    @classmethod
    def of(cls, locations: Iterable[Location]) -> Places:
        """Index the locations."""
        by_slug = {location.slug: location for location in locations}
        return cls(by_slug, parents_of(by_slug.values()))

    def ancestry(self, slug: Slug) -> tuple[Slug, ...]:
        """The location and what contains it, innermost first; ends at an unknown parent and before a cycle closes."""
        return tuple(at for at in upwards(slug, self.parents) if at in self.by_slug)

    def site(self, slug: Slug) -> Slug:
        """The site that holds the location; without one, the outermost place below the region; a region is its own."""
        inside = [s for s in self.ancestry(slug) if self.by_slug[s].kind is not LocationKind.REGION]
        sites = [s for s in inside if self.by_slug[s].kind is LocationKind.SITE]
        return (sites or inside[-1:] or [slug])[0]

    def coordinates(self, slug: Slug) -> tuple[float, float] | None:
        """Latitude and longitude, the location's own or of what contains it up to the site (a region is too wide)."""
        for at in self.ancestry(slug):
            location = self.by_slug[at]
            if location.latitude is not None and location.longitude is not None:
                return location.latitude, location.longitude
            if location.kind is LocationKind.SITE:
                return None
        return None

    def distance_km(self, a: Slug, b: Slug) -> float | None:
        """The great-circle distance; None where a coordinate is missing."""
        start, end = self.coordinates(a), self.coordinates(b)
        return great_circle_km(start, end) if start and end else None


def great_circle_km(start: tuple[float, float], end: tuple[float, float]) -> float:
    """The distance along the Earth's surface between two (latitude, longitude) in degrees, by the haversine formula."""
    lat1, lon1, lat2, lon2 = (radians(degree) for degree in (*start, *end))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(h)))
