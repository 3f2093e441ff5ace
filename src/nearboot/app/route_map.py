"""Routes on a map: each place joined to the boot server that it gets. Plain degrees, no coasts: they would need data.

drawn = Drawn(joins, boot_servers); draw(drawn, title=..., subtitle=...)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from nearboot.app import pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]
"""Latitude and longitude in degrees."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in inches."""

STATES = {  # marker, colour, size; kinds differ in shape and in colour
    "active": ("^", pictures.BLUE, 80),
    "draining": ("s", pictures.ORANGE, 60),
    "failing its reads": ("D", pictures.VERMILLION, 60),
    "disabled": ("X", pictures.GREY, 70),
}
MIN_SPAN = 12.0  # degrees that a map shows at least
LABELLED = 60  # up to so many places have their names; boot servers always
WIDTH = 13.0  # inches
LETTER = {"bold": 0.67, "normal": 0.58}  # the mean width of a letter, as a share of its points
RISES = (0.0, 0.08, -0.08, 0.16, -0.16)  # inches that a name may stand above its point, the best first


@dataclass(frozen=True, slots=True)
class Join:
    """A place and where it boots from; ``boot_server`` None: it has none."""

    name: str
    at: Point
    boot_server: Point | None
    servers: int
    cost_ms: float | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A boot server on the map. ``state``: a key of STATES."""

    name: str
    at: Point
    state: str
    servers: int


def draw(joins: Sequence[Join], marks: Sequence[Mark], *, title: str, subtitle: str) -> Figure:
    """The picture."""
    import matplotlib as mpl  # noqa: PLC0415 - for those who draw

    west, east, south, north = extent([*(each.at for each in joins), *(each.at for each in marks)])
    left, right, top, bottom = 0.7, 1.2, 0.8, 0.95
    tall = (WIDTH - left - right) * (north - south) / (east - west)
    with mpl.rc_context(pictures.STYLE):
        figure = pictures.blank(WIDTH, tall + top + bottom, title, subtitle)
        axes = pictures.place(figure, left, bottom, right, top)
        axes.set_xlim(west, east)
        axes.set_ylim(south, north)
        _graticule(axes)
        _lines(figure, axes, joins)
        _places(axes, joins)
        _boot_servers(axes, marks)
        _names(figure, axes, joins, marks)
        _legend(figure, joins, marks)
    return figure


def extent(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """West, east, south and north of a map that holds the points with some room, not flatter than a page."""
    if not points:
        return -180.0, 180.0, -60.0, 75.0
    south, north = min(lat for lat, _ in points), max(lat for lat, _ in points)
    west, east = min(lon for _, lon in points), max(lon for _, lon in points)
    wide = max(MIN_SPAN, (east - west) * 1.14)
    tall = max((north - south) * 1.2, wide * 0.38)
    wide = max(wide, tall * 1.35)
    middle = ((west + east) / 2, (south + north) / 2)
    return middle[0] - wide / 2, middle[0] + wide / 2, middle[1] - tall / 2, middle[1] + tall / 2


def legs(start: Point, end: Point) -> list[tuple[Point, Point]]:
    """The straight way on the map; over the date line in two legs, each of which leaves the map."""
    (lat1, lon1), (lat2, lon2) = start, end
    if abs(lon2 - lon1) <= 180:
        return [(start, end)]
    turn = 360.0 if lon2 < lon1 else -360.0
    return [(start, (lat2, lon2 + turn)), ((lat1, lon1 - turn), end)]


def line_width(servers: int) -> float:
    """Points; ten times the servers, a bit more: one server is a hair, a hundred thousand are a band."""
    return 0.8 + 1.1 * log10(max(1, servers))


def _graticule(axes: Axes) -> None:
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    step = next(step for step in (1, 2, 5, 10, 15, 30, 45, 90) if (east - west) / step <= 12 or step == 90)
    longitudes = range(ceil(west / step) * step, floor(east) + 1, step)
    latitudes = [lat for lat in range(ceil(south / step) * step, floor(north) + 1, step) if -90 <= lat <= 90]
    axes.set_xticks(list(longitudes), [_degrees((each + 180) % 360 - 180, "E", "W") for each in longitudes])
    axes.set_yticks(latitudes, [_degrees(each, "N", "S") for each in latitudes])
    axes.grid(color="#dddddd", linewidth=0.5, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, labelcolor=pictures.SOFT)


def _degrees(value: float, positive: str, negative: str) -> str:
    return f"{abs(value):g}°{positive if value > 0 else negative if value < 0 else ''}"


def _lines(figure: Figure, axes: Axes, joins: Sequence[Join]) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    far = [each for each in joins if each.boot_server is not None and each.boot_server != each.at]
    drawn = [(leg, each) for each in sorted(far, key=lambda e: e.servers) for leg in legs(each.at, each.boot_server)]  # type: ignore[arg-type]  # far has those with one
    segments = [[(lon, lat) for lat, lon in leg] for leg, _ in drawn]
    if not segments:
        return
    norm = pictures.scale([each.cost_ms for each in far if each.cost_ms])
    found = LineCollection(
        segments,
        linewidths=[line_width(each.servers) for _, each in drawn],
        cmap=pictures.SCALE,
        norm=norm,
        alpha=0.85,
        zorder=2,
    )
    found.set_array([float(each.cost_ms or norm.vmax or 1.0) for _, each in drawn])
    axes.add_collection(found, autolim=False)
    width, height = figure.get_size_inches()
    box = axes.get_position()
    tall = min(3.0, box.height * height)
    at = (box.x1 * width + 0.2, box.y1 * height - tall, 0.16, tall)
    pictures.colour_bar(figure, found, at, "what a TFTP block takes, ms")


def _places(axes: Axes, joins: Sequence[Join]) -> None:
    served = [each for each in joins if each.boot_server is not None]
    lost = [each for each in joins if each.boot_server is None]
    axes.scatter(
        [each.at[1] for each in served], [each.at[0] for each in served], s=14,
        facecolor=pictures.PAPER, edgecolor=pictures.INK, linewidth=0.8, zorder=3,
    )  # fmt: skip
    axes.scatter(
        [each.at[1] for each in lost], [each.at[0] for each in lost], s=60, marker="x",
        color=pictures.VERMILLION, linewidth=2, zorder=4,
    )  # fmt: skip


def _boot_servers(axes: Axes, marks: Sequence[Mark]) -> None:
    for state, (marker, colour, size) in STATES.items():
        found = [each for each in marks if each.state == state]
        axes.scatter(
            [each.at[1] for each in found], [each.at[0] for each in found], s=size, marker=marker,
            color=colour, edgecolor=pictures.PAPER, linewidth=0.8, zorder=5,
        )  # fmt: skip


def _names(figure: Figure, axes: Axes, joins: Sequence[Join], marks: Sequence[Mark]) -> None:
    """Names beside their points, boot servers first; one that would lie on another is left away."""
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    wanted = [(_title(each), each.at, 9.0, "bold") for each in sorted(marks, key=lambda mark: -mark.servers)]
    held = {each.at for each in marks}
    if len(joins) <= LABELLED:
        free = [each for each in joins if each.at not in held]
        wanted += [(each.name, each.at, 7.5, "normal") for each in sorted(free, key=lambda each: -each.servers)]
    scale = _inches(figure, axes)
    halo = {"facecolor": pictures.PAPER, "alpha": 0.65, "edgecolor": "none", "pad": 0.5}
    room = (west * scale[0], south * scale[1], east * scale[0], north * scale[1])
    taken: list[Box] = []
    for name, (lat, lon), points, weight in wanted:
        wide, tall = len(name) * points * LETTER[weight] / 72, points * 1.25 / 72
        x, y = lon * scale[0], lat * scale[1]
        shifts = (0.1, -0.1 - wide, -wide / 2)
        for dx, dy in [(right, up) for up in RISES for right in (shifts if abs(up) > 0.1 else shifts[:2])]:
            box = (x + dx, y + dy - tall / 2, x + dx + wide, y + dy + tall / 2)
            if _within(box, room) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                axes.text(
                    box[0] / scale[0], (y + dy) / scale[1], name, fontsize=points, fontweight=weight,
                    ha="left", va="center", zorder=6, clip_on=True, bbox=halo,
                )  # fmt: skip
                break


def _title(mark: Mark) -> str:
    return f"{mark.name} ({mark.servers:,})"


def _inches(figure: Figure, axes: Axes) -> tuple[float, float]:
    """How many inches a degree is, to the east and to the north."""
    width, height = figure.get_size_inches()
    box = axes.get_position()
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    return float(box.width * width / (east - west)), float(box.height * height / (north - south))


def _within(box: Box, room: Box) -> bool:
    return room[0] < box[0] and room[1] < box[1] and box[2] < room[2] and box[3] < room[3]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _legend(figure: Figure, joins: Sequence[Join], marks: Sequence[Mark]) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415

    used = {each.state for each in marks}
    handles = [
        Line2D([], [], marker=marker, color=colour, linestyle="", markersize=8, label=f"boot server, {state}")
        for state, (marker, colour, _) in STATES.items()
        if state in used
    ]
    empty = {"marker": "o", "markerfacecolor": pictures.PAPER, "markeredgecolor": pictures.INK, "linestyle": ""}
    handles.append(Line2D([], [], markersize=5, label="place", **empty))  # type: ignore[arg-type]  # a marker's settings
    if any(each.boot_server is None for each in joins):
        lost = "place without a boot server"
        handles.append(Line2D([], [], marker="x", color=pictures.VERMILLION, linestyle="", markersize=8, label=lost))
    most = max((each.servers for each in joins if each.boot_server != each.at), default=0)
    for number in (1, 10, 100, 1000, 10_000, 100_000):
        if number <= most:
            text = f"{number:,} server{'s' if number > 1 else ''}"
            handles.append(Line2D([], [], color=pictures.SOFT, linewidth=line_width(number), label=text))
    width, height = figure.get_size_inches()
    figure.legend(
        handles=handles, loc="upper left", ncols=6, frameon=False, bbox_to_anchor=(0.6 / width, 0.65 / height)
    )
