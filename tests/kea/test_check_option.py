"""Checks of option data."""

from __future__ import annotations

import pytest

from nearboot.kea.check_option import findings_of_options
from nearboot.kea.document import Json

URL: Json = {"name": "bootfile-url", "data": "tftp://[fd00::1]/x.efi"}


def option(**fields: object) -> Json:
    return {"option-data": [fields]}


@pytest.mark.parametrize(
    ("family", "holder", "words"),
    [
        pytest.param(4, option(name="boot-file-name", data="a,b"), "sends 'a'", id="option-67"),
        pytest.param(4, option(code=66, data="h,i"), "sends 'h'", id="by-code"),
        pytest.param(6, option(name="bootfile-url", data="http://a/b,c"), "sends 'http://a/b'", id="option-59"),
        pytest.param(4, option(name="vendor-class-identifier", data="PXEClient"), "PXE-E16", id="pxeclient-alone"),
        pytest.param(6, option(name="bootfile-param", data="root=/dev/ram0"), "PXE-E53", id="option-60"),
    ],
)
def test_values_that_firmware_or_kea_trips_over(family: int, holder: Json, words: str) -> None:
    """Each in a class, where such options belong."""
    findings = list(findings_of_options({"client-classes": [holder]}, family))
    assert len(findings) == 1 and words in findings[0].text
    assert findings[0].path.startswith("client-classes[0].option-data[0]")


@pytest.mark.parametrize(
    ("family", "holder"),
    [
        pytest.param(4, option(name="boot-file-name", data="a\\,b"), id="escaped-comma"),
        pytest.param(4, option(name="domain-name-servers", data="10.0.0.1, 10.0.0.2"), id="a-list-by-nature"),
        pytest.param(4, {"option-data": [{"code": 43, "data": "06"}, {"code": 60, "data": "PXEClient"}]}, id="with-43"),
        pytest.param(4, option(name="vendor-class-identifier", data="HTTPClient"), id="http-echo"),
        pytest.param(6, {"option-data": [URL]}, id="url-in-a-class"),
    ],
)
def test_good_options_have_no_findings(family: int, holder: Json) -> None:
    """No noise."""
    assert list(findings_of_options({"client-classes": [holder]}, family)) == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        pytest.param({"subnet6": [{"option-data": [URL]}]}, "subnet6[0].option-data[0]", id="subnet"),
        pytest.param(
            {"subnet6": [{"pools": [{"option-data": [URL]}]}]}, "subnet6[0].pools[0].option-data[0]", id="pool"
        ),
        pytest.param({"shared-networks": [{"option-data": [URL]}]}, "shared-networks[0].option-data[0]", id="network"),
    ],
)
def test_a_url_below_a_class_hides_the_classes_urls(document: Json, path: str) -> None:
    """In Kea the options of pool, subnet and network come before those of a class."""
    classes: Json = {"client-classes": [{"name": "a", "option-data": [URL]}]}
    assert [finding.path for finding in findings_of_options(document | classes, 6)] == [path]
    assert list(findings_of_options(document, 6)) == []  # without classes it is simply the one URL


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"option-data": [URL]}, id="global-loses-to-classes"),
        pytest.param({"subnet6": [{"reservations": [{"option-data": [URL]}]}]}, id="a-host-is-meant-to-win"),
    ],
)
def test_urls_that_hide_nothing_unmeant(document: Json) -> None:
    """A host's option wins on purpose; a global one is the fallback."""
    classes: Json = {"client-classes": [{"name": "a", "option-data": [URL]}]}
    assert list(findings_of_options(document | classes, 6)) == []
