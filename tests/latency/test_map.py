"""Names become locations; what fits nothing is listed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nearboot.errors import InputError
from nearboot.latency.formats import ParsedMap, parse
from nearboot.latency.map import resolve
from nearboot.model import Location, LocationKind, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITES = (
    Location(Slug("esams"), LocationKind.SITE, "Amsterdam", aliases=("AMS", "Haarlem")),
    Location(Slug("eqiad"), LocationKind.SITE, "Z\u00fcrich", aliases=("Washington",)),
)


def _parsed(*lines: str) -> ParsedMap:
    text = "\n".join(("src,dst,rtt_ms", *lines)) + "\n"
    return parse("f.csv", text, source=None, now=NOW)


@pytest.mark.parametrize(
    "name",
    ["esams", "ESAMS", "Amsterdam", "ams", " haarlem "],
    ids=["slug", "slug-case", "name", "alias-case", "padded"],
)
def test_name_is_a_slug_an_alias_or_a_name(name: str) -> None:
    """Any of a location's names, in any case."""
    latency_map, quarantined, summary = resolve(_parsed(f"{name},Washington,83.4"), SITES)
    assert [(s.src, s.dst, s.rtt_ms) for s in latency_map.samples] == [("esams", "eqiad", 83.4)]
    assert (latency_map.source, latency_map.published_at, latency_map.epoch) == ("f", NOW, 0)
    assert (quarantined, summary.samples, summary.locations) == ((), 1, 2)


def test_name_in_another_unicode_form_is_the_same_name() -> None:
    """Zürich in decomposed form, as macOS writes it."""
    latency_map, _, _ = resolve(_parsed("esams,Zu\u0308rich,83.4"), SITES)
    assert latency_map.samples[0].dst == "eqiad"


def test_unknown_names_are_listed_once_with_their_counts() -> None:
    """An unknown name never becomes a location; each stands in the quarantine once, with its first line and a hint."""
    parsed = _parsed("esams,eqiad,80", "esams,Paris,10", "Paris,eqiad,90", "esams,Amsterdm,9", "Paris,x,1")
    latency_map, quarantined, summary = resolve(parsed, SITES)
    assert len(latency_map.samples) == 1
    assert summary.unknown == {"Paris": 3, "Amsterdm": 1, "x": 1}
    assert (summary.unknown_rows, summary.rows) == (4, 5)
    assert [(q.line, q.text) for q in quarantined] == [(3, "Paris"), (5, "Amsterdm"), (6, "x")]
    assert "(3 rows)" in quarantined[0].reason
    assert "did you mean esams?" in quarantined[1].reason
    assert "4 rows with names of no location: Paris (3), Amsterdm (1), x (1)" in summary.lines()


def test_pair_of_a_location_with_itself_is_dropped_and_counted() -> None:
    """Also under two of its names."""
    latency_map, _, summary = resolve(_parsed("esams,eqiad,80", "esams,esams,0.1", "AMS,Haarlem,1"), SITES)
    assert (len(latency_map.samples), summary.self_pairs) == (1, 2)
    assert "2 rows of a location with itself dropped" in summary.lines()


def test_pair_under_several_names_has_the_median() -> None:
    """Two cities that are one location give one sample."""
    latency_map, _, summary = resolve(_parsed("AMS,eqiad,80", "Haarlem,eqiad,90", "esams,eqiad,100"), SITES)
    assert [s.rtt_ms for s in latency_map.samples] == [90.0]
    assert any("2 rows repeat a pair under another name" in line for line in summary.lines())


def test_name_of_two_locations_is_refused_where_the_file_uses_it() -> None:
    """The file's name decides nothing between two locations; all such names are reported with their lines."""
    racks = [Location(Slug(f"a1-{site}"), LocationKind.RACK, "A1", Slug(site)) for site in ("esams", "eqiad")]
    resolve(_parsed("esams,eqiad,80"), (*SITES, *racks))
    with pytest.raises(InputError) as caught:
        resolve(_parsed("esams,eqiad,80", "A1,eqiad,1"), (*SITES, *racks))
    (fault,) = caught.value.faults
    assert (fault.line, fault.field, fault.found) == (3, "A1", "a name of 2 locations: a1-eqiad, a1-esams")


def test_exact_slug_wins_over_another_locations_name() -> None:
    """A file that writes a slug means that location."""
    region = Location(Slug("washington"), LocationKind.REGION, "East")
    latency_map, _, _ = resolve(_parsed("washington,esams,80"), (*SITES, region))
    assert latency_map.samples[0].src == "washington"
    with pytest.raises(InputError, match="a name of 2 locations"):
        resolve(_parsed("Washington,esams,80"), (*SITES, region))


def test_file_that_fits_no_location_is_refused_with_its_names() -> None:
    """Nothing left is an error that lists what the file calls its places."""
    with pytest.raises(InputError, match="names of no location: Paris, Rome"):
        resolve(_parsed("Paris,Rome,20"), SITES)
    with pytest.raises(InputError, match="only pairs of a location with itself"):
        resolve(_parsed("esams,AMS,20"), SITES)


def test_old_measurements_are_pointed_out() -> None:
    """The summary says how old the newest measurement is when that is days."""
    parsed = parse("f.csv", "src,dst,rtt_ms,ts\nesams,eqiad,80,2018-11-10\n", source="w", now=NOW)
    _, _, summary = resolve(parsed, SITES)
    assert summary.lines()[-1] == "the newest measurement is 2934 days old"
    assert summary.lines()[0].startswith("w: 1 sample between 2 locations (edges), newest measured 2018-11-10")


def test_the_summary_knows_what_guards_refuse() -> None:
    """Counts are of what is used; each pair has its row."""
    latency_map, _, summary = resolve(_parsed("esams,eqiad,80", "eqiad,esams,x", "eqiad,AMS,81"), SITES)
    assert summary.places == {("esams", "eqiad"): ("f.csv", 2), ("eqiad", "esams"): ("f.csv", 4)}
    after = summary.without(1, latency_map.samples[:1])
    assert after.lines()[:2] == ("f: 1 sample between 2 locations (edges)", "2 rows refused")


def test_rows_refused_by_the_parser_stay_in_the_quarantine() -> None:
    """Nothing that was refused earlier is lost."""
    _, quarantined, summary = resolve(_parsed("esams,eqiad,80", "esams,eqiad,x"), SITES)
    assert [q.line for q in quarantined] == [3]
    assert summary.quarantined == 1
    assert "1 row refused" in summary.lines()
