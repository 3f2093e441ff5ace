"""The map of routes: its extent, ways over the date line, widths, names and legend."""

from __future__ import annotations

import pytest

from nearboot.app.route_map import Join, Mark, draw, extent, legs, line_width

AMS, SIN, AKL = (52.4, 4.9), (1.3, 103.9), (-36.8, 174.8)


def test_the_extent_holds_all_points_and_is_no_strip() -> None:
    """One point, two on a line, the whole world, none."""
    for points in ([], [AMS], [AMS, (52.4, 30.0)], [(-60.0, 0.0), (70.0, 0.0)], [AMS, SIN, AKL]):
        west, east, south, north = extent(points)
        assert all(west < lon < east and south < lat < north for lat, lon in points)
        assert 0.35 < (north - south) / (east - west) < 0.8


def test_a_way_over_the_date_line_leaves_the_map_on_both_sides() -> None:
    """Auckland to Los Angeles is no way around the world."""
    lax = (34.0, -118.2)
    assert legs(AMS, SIN) == [(AMS, SIN)]
    assert legs(AKL, lax) == [(AKL, (34.0, pytest.approx(241.8))), ((-36.8, pytest.approx(-185.2)), lax)]
    assert legs(lax, AKL)[0][1] == (-36.8, pytest.approx(-185.2))


def test_lines_grow_with_servers() -> None:
    """Slowly: a hundred thousand must not hide the rest."""
    widths = [line_width(count) for count in (0, 1, 10, 1000, 100_000)]
    assert widths == sorted(widths)
    assert widths[0] == widths[1]
    assert widths[-1] < 10


def test_the_legend_has_what_is_drawn() -> None:
    """States that are there, widths up to the widest, and places without a boot server."""
    joins = [Join("ams", AMS, AMS, 5000, 0.3), Join("sin", SIN, AMS, 40, 170.0), Join("akl", AKL, None, 3, None)]
    figure = draw(joins, [Mark("ams-1", AMS, "active", 5040), Mark("b", SIN, "draining", 0)], title="T", subtitle="s")
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said[:2] == ["boot server, active", "boot server, draining"]
    assert said[2:] == ["place", "place without a boot server", "1 server", "10 servers"]
    names = [text.get_text() for text in figure.axes[0].texts]
    assert names == ["ams-1 (5,040)", "b (0)", "akl"]


@pytest.mark.parametrize("count", [0, 1, 300])
def test_names_never_lie_on_each_other(count: int) -> None:
    """What has no room is left away; all points are there."""
    marks = [Mark(f"boot-{n}", (n % 17 / 4, n % 23 / 4), "active", n) for n in range(count)]
    joins = [Join(f"p{n}", (n % 17 / 4, n % 23 / 4), None, n, None) for n in range(count)]
    figure = draw(joins, marks, title="", subtitle="")
    assert (len(figure.axes[0].texts) > 0) == (count > 0)
    assert len(figure.axes[0].texts) <= count
