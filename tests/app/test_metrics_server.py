"""The metrics have an address of their own."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from nearboot.app.metrics_server import MetricsServer, host_and_port
from nearboot.errors import ConfigError


@pytest.fixture
def troubles() -> list[str]:
    """What is wrong, the last first."""
    return [""]


@pytest.fixture
def server(troubles: list[str]) -> Iterator[MetricsServer]:
    def text(accept: str) -> tuple[bytes, str]:
        if accept == "fault":
            raise ValueError(accept)
        return f"# {accept}\n".encode(), "text/plain"

    with MetricsServer("127.0.0.1:0", text, lambda: troubles[-1], setting="s") as server:
        yield server


def test_it_answers_what_is_measured(server: MetricsServer) -> None:
    """In the format that is asked for; a HEAD has no body; other paths are not there."""
    answer = httpx.get(server.url, headers={"Accept": "a/b"})
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "# a/b\n", "text/plain")
    assert server.url == f"http://127.0.0.1:{server.port}/metrics"
    head = httpx.head(server.url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "6")
    assert httpx.get(f"{server.url}?x=1").status_code == 200
    assert httpx.get(f"{server.url}x").status_code == 404


def test_health_says_what_is_wrong(server: MetricsServer, troubles: list[str]) -> None:
    """200 where nothing is, else 503."""
    url = server.url.replace("/metrics", "/healthz")
    assert (httpx.get(url).status_code, httpx.get(url).text) == (200, "ok\n")
    troubles.append("1 of 2 workers do not answer")
    answer = httpx.get(url)
    assert (answer.status_code, answer.text) == (503, "1 of 2 workers do not answer\n")


def test_a_fault_ends_one_scrape_alone(server: MetricsServer) -> None:
    """The next one is answered."""
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(server.url, headers={"Accept": "fault"})
    assert httpx.get(server.url).status_code == 200


def test_a_port_in_use_is_a_clear_error() -> None:
    """Setting, address and port are named."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"tftp.metrics_listen: cannot listen on 127.0.0.1 port {port}: .*in use"):
            MetricsServer(f"127.0.0.1:{port}", lambda _: (b"", ""), str, setting="tftp.metrics_listen")


def test_it_listens_on_ipv6_too() -> None:
    """Also where both families are meant."""
    with MetricsServer("[::1]:0", lambda _: (b"six", "text/plain"), str, setting="s") as server:
        assert httpx.get(server.url).text == "six"


@pytest.mark.parametrize(
    ("listen", "found"),
    [
        pytest.param("127.0.0.1:9169", ("127.0.0.1", 9169), id="v4"),
        pytest.param("[::]:0", ("::", 0), id="v6"),
        pytest.param("localhost:80", ("localhost", 80), id="name"),
    ],
)
def test_addresses_are_read(listen: str, found: tuple[str, int]) -> None:
    """Address or name, and port."""
    assert host_and_port(listen, "s") == found


@pytest.mark.parametrize("listen", ["9169", ":9169", "127.0.0.1", "127.0.0.1:", "::1:80", "h:70000", "h:x", "h:²"])
def test_other_texts_are_refused(listen: str) -> None:
    """With what was expected."""
    with pytest.raises(ConfigError, match="expected HOST:PORT"):
        host_and_port(listen, "tftp.metrics_listen")
