"""The HTTP server from outside: real sockets on loopback, a real file root, real requests."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from nearboot.boot.cache_runner import Cached, Streamed
from nearboot.boot.freshness import Came
from nearboot.errors import PeerError
from nearboot.http.callback import MAX_BODY, Report
from nearboot.model import EventKind

if TYPE_CHECKING:
    from conftest import Site

KERNEL = bytes(range(256)) * 1024


def _raw(site: Site, request: bytes) -> bytes:
    """Send bytes as they are, for what no client library would send."""
    url = urlsplit(site.url)
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def test_a_file_is_served_whole(site: Site, client: httpx.Client) -> None:
    """And reported with its size and time."""
    response = client.get("/images/vmlinuz", headers={"User-Agent": "UefiHttpBoot/1.0"})
    assert (response.status_code, response.content) == (200, KERNEL)
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["accept-ranges"] == "bytes"
    assert "server" not in response.headers
    exchange = site.exchange()
    assert (exchange.kind, exchange.method, exchange.subject) == (EventKind.HTTP_READ, "GET", "/images/vmlinuz")
    assert (exchange.status, exchange.bytes, exchange.outcome) == (200, len(KERNEL), "ok")
    assert (exchange.client, exchange.server) == (ip_address("127.0.0.1"), ip_address("127.0.0.1"))
    assert exchange.user_agent == "UefiHttpBoot/1.0"
    assert exchange.duration_s >= 0


def test_head_tells_the_size_alone(site: Site, client: httpx.Client) -> None:
    """UEFI HTTP boot asks HEAD before GET."""
    response = client.head("/images/vmlinuz")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(KERNEL))
    assert (site.exchange().method, site.exchange().bytes) == ("HEAD", 0)


@pytest.mark.parametrize(
    ("asked", "status", "first", "length"),
    [
        pytest.param("bytes=0-99", 206, 0, 100, id="start"),
        pytest.param("bytes=1000-1000", 206, 1000, 1, id="one"),
        pytest.param("bytes=262000-", 206, 262000, 144, id="rest"),
        pytest.param("bytes=-10", 206, 262134, 10, id="last"),
    ],
)
def test_a_range_is_served(client: httpx.Client, asked: str, status: int, first: int, length: int) -> None:
    """iPXE and caches resume by it."""
    response = client.get("/images/vmlinuz", headers={"Range": asked})
    assert response.status_code == status
    assert response.content == KERNEL[first : first + length]
    assert response.headers["content-range"] == f"bytes {first}-{first + length - 1}/{len(KERNEL)}"


def test_a_range_outside_the_file_is_refused(client: httpx.Client) -> None:
    """With the size, so that the client can ask again."""
    response = client.get("/images/vmlinuz", headers={"Range": "bytes=999999-"})
    assert (response.status_code, response.headers["content-range"]) == (416, f"bytes */{len(KERNEL)}")


def test_a_known_version_is_not_sent_again(site: Site, client: httpx.Client, root: Path) -> None:
    """By tag or by date; and sent again once the file has changed."""
    first = client.get("/images/vmlinuz")
    tag, date = first.headers["etag"], first.headers["last-modified"]
    for headers in ({"If-None-Match": tag}, {"If-None-Match": f'"x", W/{tag}'}, {"If-Modified-Since": date}):
        again = client.get("/images/vmlinuz", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
    assert client.get("/images/vmlinuz", headers={"If-None-Match": '"x"', "If-Modified-Since": date}).status_code == 200
    assert client.get("/images/vmlinuz", headers={"If-Modified-Since": "yesterday"}).status_code == 200
    (root / "images" / "vmlinuz").write_bytes(b"new")
    assert client.get("/images/vmlinuz", headers={"If-None-Match": tag}).content == b"new"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/ipxe.efi", "application/efi"),
        ("/grub/grub.cfg", "text/plain; charset=utf-8"),
        ("/empty", "application/octet-stream"),
    ],
)
def test_media_types_do_not_depend_on_the_machine(client: httpx.Client, path: str, media_type: str) -> None:
    """UEFI looks at them."""
    assert client.get(path).headers["content-type"] == media_type


def test_a_configuration_is_rendered_and_never_cached(client: httpx.Client) -> None:
    """The same look-up as TFTP's."""
    response = client.get("/grub/grub.cfg")
    assert (response.status_code, response.text) == (200, "stub from grub-stub.cfg.j2\n")
    assert response.headers["cache-control"] == "no-store"
    assert client.head("/grub/grub.cfg").headers["content-length"] == str(len(response.content))


def test_the_query_reaches_the_look_up(site: Site, client: httpx.Client) -> None:
    """A MAC that is not known gets no stub, or the client would go round in circles."""
    assert client.get("/boot.ipxe").status_code == 200
    assert client.get("/boot.ipxe?mac=52-54-00-00-00-99").status_code == 404
    assert site.exchange(2).subject == "/boot.ipxe?mac=52-54-00-00-00-99"


def test_the_look_up_knows_who_asks_and_who_was_asked(client: httpx.Client) -> None:
    """By the address that asks a host is known, by the other its boot server; no header can name others."""
    response = client.get("/whoami", headers={"X-Forwarded-For": "10.0.0.9", "Forwarded": "for=10.0.0.9"})
    assert response.text == "127.0.0.1 127.0.0.1"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        pytest.param("/gone", 404, id="gone"),
        pytest.param("/", 400, id="root"),
        pytest.param("/images", 404, id="folder"),
        pytest.param("/../secret", 400, id="dots"),
        pytest.param("/images/../../secret", 400, id="inner-dots"),
        pytest.param("/%2e%2e/secret", 400, id="encoded-dots"),
        pytest.param("/..%2fsecret", 400, id="encoded-slash"),
        pytest.param("/..%5csecret", 400, id="backslash"),
        pytest.param("/escape", 404, id="link-outside"),
        pytest.param("/outside", 404, id="look-up-names-a-file-outside"),
        pytest.param("/a%00b", 400, id="nul"),
    ],
)
def test_nothing_outside_the_root_is_served(site: Site, target: str, status: int) -> None:
    """Sent raw: client libraries tidy such paths up."""
    answer = _raw(site, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ", 2)[1] == str(status).encode()
    assert b"secret\n" not in answer.split(b"\r\n\r\n", 1)[1]
    assert site.exchange().outcome == ("not-found" if status == 404 else "bad-request")


@pytest.mark.parametrize(
    ("path", "status", "outcome"),
    [
        pytest.param("/trouble/template", 500, "template-error", id="template"),
        pytest.param("/trouble/origin", 503, "unavailable", id="origin"),
        pytest.param("/trouble/database", 503, "unavailable", id="database"),
    ],
)
def test_trouble_of_ours_is_not_told_as_not_found(
    site: Site, client: httpx.Client, path: str, status: int, outcome: str
) -> None:
    """A client may try again then; what went wrong inside is for the operator."""
    response = client.get(path)
    assert response.status_code == status
    assert "disk" not in response.text
    assert site.exchange().outcome == outcome


def test_a_bug_answers_500_and_the_server_goes_on(site: Site, client: httpx.Client) -> None:
    """One request is lost, no more."""
    assert client.get("/trouble/bug").status_code == 500
    assert site.exchange().outcome == "error"
    # On a connection of its own: uvicorn closes the one on which it failed.
    assert httpx.get(f"{site.url}/nearboot-health", trust_env=False).text == "ok\n"


def test_a_client_that_leaves_is_reported(site: Site, root: Path) -> None:
    """A machine that was switched off while it read its initrd."""
    with (root / "big").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    url = urlsplit(site.url)
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert site.exchange().outcome == "aborted-by-client"
    assert site.exchange().bytes < 64 * 1024 * 1024


def test_a_file_of_the_cache_is_served_as_any_file(site: Site, client: httpx.Client, tmp_path: Path) -> None:
    """It lies outside the root, under a name that says nothing: the path asked tells its kind."""
    (tmp_path / "key.data").write_bytes(KERNEL)
    status = (tmp_path / "key.data").stat()
    site.cached["/boot/x.efi"] = Cached(
        str(tmp_path / "key.data"), len(KERNEL), status.st_mtime_ns, status.st_ino, status.st_dev, Came.HIT, "o"
    )
    response = client.get("/boot/x.efi", headers={"Range": "bytes=5-9"})
    assert (response.status_code, response.content) == (206, KERNEL[5:10])
    assert response.headers["content-type"] == "application/efi"
    assert client.get("/boot/x.efi", headers={"If-None-Match": response.headers["etag"]}).status_code == 304


class Coming:
    """A file that comes in parts; an exception among them is raised."""

    def __init__(self, *parts: bytes | Exception, size: int | None) -> None:
        self.parts = list(parts)
        self.closed = 0
        self.streamed = Streamed(size, self.read, self.close, Came.MISS, "o")

    def read(self, count: int) -> bytes:
        part = self.parts.pop(0) if self.parts else b""
        if isinstance(part, Exception):
            raise part
        return part

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("size", [7, None])
def test_a_file_that_comes_is_passed_on(site: Site, client: httpx.Client, size: int | None) -> None:
    """With its size, where that is known; HEAD reads nothing of it."""
    coming = Coming(b"abc", b"defg", size=size)
    site.cached["/x.cfg"] = coming.streamed
    head = client.head("/x.cfg")
    assert head.headers.get("content-length") == (str(size) if size else None)
    assert (site.exchange().bytes, coming.closed, len(coming.parts)) == (0, 1, 2)
    response = client.get("/x.cfg", headers={"Range": "bytes=1-2"})
    assert (response.status_code, response.content) == (200, b"abcdefg")
    assert response.headers["content-type"].startswith("text/plain")
    assert (site.exchange(2).bytes, site.exchange(2).outcome) == (7, "ok")
    assert coming.closed == 2


def test_a_file_that_comes_no_more_is_cut_off(site: Site, client: httpx.Client) -> None:
    """The client must not take it for whole."""
    coming = Coming(b"abc", PeerError("no origin goes on"), size=None)
    site.cached["/x"] = coming.streamed
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/x")
    assert (site.exchange().outcome, site.exchange().bytes, coming.closed) == ("unavailable", 3, 1)


def test_a_client_that_leaves_ends_its_stream(site: Site) -> None:
    """What comes is not read for nobody."""
    coming = Coming(*[bytes(1 << 20)] * 10_000, size=10_000 << 20)
    site.cached["/x"] = coming.streamed
    url = urlsplit(site.url)
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert site.exchange().outcome == "aborted-by-client"
    assert coming.closed == 1 and len(coming.parts) > 1000


def test_a_callback_reports_its_phase(site: Site, client: httpx.Client) -> None:
    """As busybox wget sends it; the token appears in no event."""
    response = client.post("/callback/good-token", data={"phase": "initrd-up", "uptime": "5.2"})
    assert (response.status_code, response.text) == (200, "ok\n")
    here = ip_address("127.0.0.1")
    assert site.reports == [("good-token", Report("initrd-up", {"uptime": "5.2"}), here, here)]
    exchange = site.exchange()
    assert (exchange.kind, exchange.subject, exchange.fields) == (EventKind.CALLBACK, "initrd-up", {"uptime": "5.2"})
    assert "good-token" not in repr(exchange)


def test_a_callback_may_be_json(site: Site, client: httpx.Client) -> None:
    """As an installer with Python or curl sends it."""
    assert client.post("/callback/good-token", json={"phase": "failed", "message": "no disk"}).status_code == 200
    assert site.reports[0][1] == Report("failed", {"message": "no disk"})


def test_a_callback_that_comes_too_late_is_told_so(site: Site, client: httpx.Client) -> None:
    """An installer that still works on a run which is over shall not take it for a success."""
    response = client.post("/callback/ended-token", data={"phase": "installer"})
    assert (response.status_code, response.text) == (409, "too late: run 6 ended: provisioned\n")
    assert site.exchange().outcome == "after-the-end"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_post_reports(site: Site, client: httpx.Client, method: str) -> None:
    """Whatever follows links, or fetches a URL twice, changes nothing."""
    response = client.request(method, "/callback/good-token?phase=done")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert site.reports == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/callback/bad-token", b"phase=done", 404, id="unknown-token"),
        pytest.param("/callback/good-token", b"uptime=1", 400, id="no-phase"),
        pytest.param("/callback/good-token", b"phase=x&log=" + b"x" * MAX_BODY, 413, id="too-long"),
        pytest.param("/images/vmlinuz", b"phase=x", 405, id="post-to-a-file"),
    ],
)
def test_a_wrong_callback_is_refused(site: Site, client: httpx.Client, path: str, body: bytes, status: int) -> None:
    """And reported, without effect."""
    assert client.post(path, content=body).status_code == status
    assert site.reports == []
    assert site.exchange().outcome == ("not-found" if status == 404 else "bad-request")


def test_a_body_of_unknown_length_is_bounded_too(site: Site, client: httpx.Client) -> None:
    """Chunked: its length is known only when it is over."""
    response = client.post("/callback/good-token", content=(b"x" * 8192 for _ in range(20)))
    assert response.status_code == 413
    assert site.reports == []


def test_the_longest_body_is_taken(site: Site, client: httpx.Client) -> None:
    """The end of a log, to the last byte."""
    body = b"phase=failed&log="
    assert client.post("/callback/good-token", content=body + b"x" * (MAX_BODY - len(body))).status_code == 200
    assert site.reports[0][1].phase == "failed"


def test_health_is_told_and_is_no_event(site: Site, client: httpx.Client) -> None:
    """It is asked every second."""
    assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (200, {"status": "ok"})
    site.problem = "the file root is not readable"
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (503, {"status": "the file root is not readable"})
    assert client.get("/nearboot-health").text == "ok\n"
    assert [exchange.subject for exchange in site.exchanges] in ([], ["/nearboot-health"])


@pytest.mark.parametrize("path", ["//callback/good-token", "/x/callback/good-token?phase=done"])
def test_a_mistyped_callback_does_not_show_its_token(site: Site, path: str) -> None:
    """What was asked for becomes the subject of an event, which many may read."""
    _raw(site, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    subject = site.exchange().subject
    assert "good-token" not in subject
    assert "callback/" in subject
