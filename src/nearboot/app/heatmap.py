"""The measured round trips between places as a picture: from each row to each column, unmeasured pairs hatched.

draw(places, values, bold={"ams"}, subtitle="sources: wan-probes")
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nearboot.app import pictures
from nearboot.model import Location, Slug
from nearboot.model.place import parents_of, upwards

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = Mapping[tuple[Slug, Slug], float]
"""Round trips in milliseconds, by the pair of locations."""

LARGEST_CELL, SMALLEST_CELL = 0.85, 0.105  # inches; the smallest still has a label of 6 points
WIDE = 8.5  # inches that a map of few places fills
NUMBERED = 16  # up to so many places each cell has its number


def draw(places: Sequence[Slug], values: Values, *, bold: Collection[Slug], subtitle: str) -> Figure:
    """The picture; ``places`` in the order of rows and columns, ``bold`` are those with a boot server."""
    import matplotlib as mpl  # noqa: PLC0415 - for those who draw

    count = max(1, len(places))
    cell = min(LARGEST_CELL, max(SMALLEST_CELL, WIDE / count))
    points = min(9.0, cell * 72 * 0.82)
    label = max(len(name) for name in places) * points * 0.66 / 72 + 0.2 if places else 0.5
    top, bottom, right = 0.85 + label, 0.65, 1.1
    with mpl.rc_context(pictures.STYLE):
        title = f"Round trips between {len(places):,} places"
        figure = pictures.blank(max(5.5, label + cell * count + right), top + bottom + cell * count, title, subtitle)
        width = figure.get_size_inches()[0]
        axes = pictures.place(figure, label, bottom, width - label - cell * count, top)
        _paint(figure, axes, places, values, cell)
        _label(axes, places, bold, points)
        _explain(figure, missing=len(values) < len(places) * (len(places) - 1), has_bold=bool(bold))
    return figure


def ordered(places: Iterable[Slug], locations: Iterable[Location]) -> list[Slug]:
    """Places that belong together stand together: by what contains them, and there from west to east."""
    by_slug = {location.slug: location for location in locations}
    parents = parents_of(by_slug.values())

    def east(slug: Slug) -> tuple[float, str]:
        own = by_slug.get(slug)
        inside = [own] if own and own.longitude is not None else [e for e in by_slug.values() if e.parent == slug]
        known = [each.longitude for each in inside if each.longitude is not None]
        return (sum(known) / len(known) if known else 999.0, slug)

    found = {place: [east(each) for each in reversed(list(upwards(place, parents)))] for place in set(places)}
    return sorted(found, key=lambda place: found[place])


def _paint(figure: Figure, axes: Axes, places: Sequence[Slug], values: Values, cell: float) -> None:
    grid = np.full((len(places), len(places)), np.nan)
    index = {place: number for number, place in enumerate(places)}
    for (src, dst), value in values.items():
        if src in index and dst in index:
            grid[index[src], index[dst]] = value
    axes.set_facecolor(pictures.UNKNOWN)
    axes.patch.set_hatch("/////" if cell < 0.3 else "///")  # shows through where nothing is painted
    norm = pictures.scale([float(value) for value in grid[~np.isnan(grid)]])
    painted = axes.imshow(np.ma.masked_invalid(grid), norm=norm, cmap=pictures.SCALE, interpolation="nearest")
    own = np.ma.masked_where(~np.eye(len(places), dtype=bool) | ~np.isnan(grid), np.zeros_like(grid))
    axes.imshow(own, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")  # a place and itself: nothing to measure
    if len(places) <= NUMBERED:
        for (row, column), value in np.ndenumerate(grid):
            if not np.isnan(value):
                ink = pictures.PAPER if norm(value) > 0.5 else pictures.INK
                axes.text(column, row, _number(value), ha="center", va="center", color=ink, fontsize=8)
    else:
        axes.set_xticks(np.arange(-0.5, len(places)), minor=True)
        axes.set_yticks(np.arange(-0.5, len(places)), minor=True)
        axes.grid(which="minor", color=pictures.PAPER, linewidth=0.25)
        axes.tick_params(which="minor", length=0)
    width, height = figure.get_size_inches()
    box = axes.get_position()
    tall = min(3.0, box.height * height)
    pictures.colour_bar(figure, painted, (box.x1 * width + 0.2, box.y1 * height - tall, 0.18, tall), "ms")


def _label(axes: Axes, places: Sequence[Slug], bold: Collection[Slug], points: float) -> None:
    axes.set_xticks(range(len(places)), places, rotation=90, fontsize=points)
    axes.set_yticks(range(len(places)), places, fontsize=points)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=2)
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        for text, name in zip(ticks, places, strict=True):
            text.set_fontweight("bold" if name in bold else "normal")


def _explain(figure: Figure, *, missing: bool, has_bold: bool) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415

    width, height = figure.get_size_inches()
    words = "from the row's place to the column's" + ("; bold: a boot server is there" if has_bold else "")
    figure.text(0.2 / width, 0.4 / height, words, color=pictures.SOFT, va="center")
    if missing:
        hatched = Patch(facecolor=pictures.UNKNOWN, edgecolor="#b0b0b0", hatch="////", label="not measured")
        figure.legend(handles=[hatched], loc="lower left", frameon=False, bbox_to_anchor=(0.1 / width, 0.0))


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
