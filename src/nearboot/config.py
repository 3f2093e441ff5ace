"""The one configuration of nearboot: frozen, validated once, passed down in parts.

It is read from a YAML file (``--config FILE`` or ``NEARBOOT_CONFIG``); every setting has a default: no file is needed.
This module only parses text; ``app.settings`` finds the file and the environment.

    config = parse("tftp: {port: 6969}", "nearboot.yaml", Config())
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from math import inf
from pathlib import Path
from typing import Any

from nearboot.config_file import read_over

SEVERITIES = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE")  # Kea 3.0's manual, section "Logging", "severity"


def setting(default: object, text: str, *, low: float = -inf, high: float = inf, choices: tuple[str, ...] = ()) -> Any:
    """A field with its default and the sentence that documents it (``nearboot config show`` prints it).

    ``low`` and ``high``: the smallest and largest value of a number; ``choices``: the only texts that are allowed.
    """
    return field(default=default, metadata={"help": text, "range": (low, high), "choices": choices})


@dataclass(frozen=True, slots=True)
class TftpConfig:
    """The TFTP server."""

    host: str = setting("::", "Address to listen on; '::' serves IPv4 and IPv6.")
    port: int = setting(69, "UDP port to listen on; 0 takes a free one.", low=0, high=65535)
    max_windowsize: int = setting(64, "Largest windowsize granted to a client (RFC 7440).", low=1, high=65535)
    max_blksize: int = setting(
        65464, "Largest blksize granted to a client (RFC 2348); the path's MTU also limits it.", low=8, high=65464
    )
    cache_mib: int = setting(
        512, "Memory for files framed and ready to send, in MiB; least recently used ones leave.", low=0
    )
    allow: tuple[str, ...] = setting(
        (), "Prefixes, as 10.0.0.0/8 or 2001:db8::/32, whose clients alone are answered; empty: all are."
    )
    requests_per_second: float = setting(
        1000.0, "Requests answered for each client address, and five times that at once; 0: no limit.", low=0
    )
    errors_per_second: float = setting(
        200.0, "ERRORs sent to each client address, and five times that at once; 0: no limit.", low=0
    )
    unacked_kib: int = setting(
        512, "KiB sent to a client address within a minute that it has not acknowledged any of; 0: no limit.", low=0
    )
    known_only: bool = setting(
        False,
        "Answer only the inventory's servers and boot servers, by their addresses and leases: "
        "others get silence, also those that check health.",
    )
    sessions: int = setting(16384, "Transfers at once; requests past that are dropped.", low=1)
    sessions_per_client: int = setting(
        512, "Transfers at once of each client address; a rack may stand behind one NAT.", low=1
    )
    workers: int = setting(
        1, "Processes that serve the port, each with as much memory for files as is set here.", low=1, high=256
    )
    single_port: bool = setting(
        False, "Send all of a transfer from the server's own port, for containers and NAT; costs some speed."
    )
    user: str = setting("", "User, as NAME or NAME:GROUP, that root is given up for once the port is bound.")
    grace_s: float = setting(10.0, "How long transfers may still run after a stop, in seconds.", low=0)
    metrics_listen: str = setting(
        "127.0.0.1:9169", "Address and TCP port of the metrics, as [::]:9169; port 0 takes a free one; empty: none."
    )


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """The HTTP server: boot files and call-backs."""

    host: str = setting("::", "Address to listen on; '::' serves IPv4 and IPv6.")
    port: int = setting(8080, "TCP port to listen on; 0 takes a free one.", low=0, high=65535)
    metrics_listen: str = setting(
        "127.0.0.1:9180", "Address and TCP port of the metrics, as [::]:9180; port 0 takes a free one; empty: none."
    )


@dataclass(frozen=True, slots=True)
class KeaConfig:
    """What goes into the generated Kea configuration."""

    interfaces4: tuple[str, ...] = setting(("*",), "Interfaces on which kea-dhcp4 listens.")
    interfaces6: tuple[str, ...] = setting(("*",), "Interfaces on which kea-dhcp6 listens.")
    attached: tuple[str, ...] = setting(
        (), "Prefixes that the Kea host itself is on, as PREFIX=INTERFACE: DHCPv6 finds clients without a relay so."
    )
    socket_type: str = setting(
        "raw", "'raw' answers direct and relayed clients, 'udp' relayed ones only.", choices=("raw", "udp")
    )
    run_dir: str = setting("/run/kea", "Folder of Kea's control sockets.")
    lease_dir: str = setting("/var/lib/kea", "Folder of Kea's lease files.")
    option67: bool = setting(
        False, "Send the boot file as option 67 too; some ROMs then ask for it with 0xFF at its end."
    )
    valid_lifetime_s: int = setting(3600, "Lease lifetime in seconds.", low=1, high=4294967295)
    unknown_clients: str = setting(
        "pool",
        "'pool' leases addresses to clients not in the inventory, 'ignore' does not.",
        choices=("pool", "ignore"),
    )
    log_severity: str = setting("INFO", "Severity of Kea's log.", choices=SEVERITIES)
    log_output: str = setting("stdout", "Where Kea logs: stdout, stderr, syslog or a file.")


@dataclass(frozen=True, slots=True)
class RoutingConfig:
    """How boot servers are chosen."""

    rto_ms: float = setting(
        1000.0, "What a lost TFTP packet costs, in milliseconds: the usual retransmission timeout.", low=0
    )
    band_ms: float = setting(
        0.2, "Boot servers within this many milliseconds of the nearest count as equally near.", low=0
    )
    band_share: float = setting(
        0.005, "Boot servers within this share of the nearest's cost count as equally near.", low=0
    )
    margin_ms: float = setting(
        0.5, "A place leaves its boot server only for one nearer by more than this many milliseconds.", low=0
    )
    margin_noise: float = setting(
        2.0, "The same as so many times the noise of both paths' measurements; the largest counts.", low=0
    )
    margin_share: float = setting(
        0.05, "The same as a share of a path's cost, where its noise is not known.", low=0, high=1
    )
    hold_s: float = setting(
        600.0, "A place that moved does not move to a nearer boot server again within this many seconds.", low=0
    )
    panic_share: float = setting(
        0.5, "When more than this share of the active boot servers look down, health is not believed.", low=0, high=1
    )
    panic_least: int = setting(3, "Fewer boot servers than this that look down are believed to be.", low=1)
    slow_start_s: float = setting(
        120.0, "A boot server that came back has all its places again after this many seconds.", low=0
    )
    freeze_s: float = setting(
        21600.0, "With no new latency map for this many seconds, no place moves for nearness.", low=0
    )
    health_fresh_s: float = setting(300.0, "A good probe older than this many seconds says nothing any more.", low=0)
    stale_s: float = setting(
        900.0, "A measurement older than this many seconds is used, and its age pointed out.", low=0
    )
    keep_maps: int = setting(
        20, "Latency maps of each source that are kept; older ones are deleted when one is loaded.", low=1
    )


@dataclass(frozen=True, slots=True)
class LatencyConfig:
    """What a latency map must be before it is used."""

    hold_moves: float = setting(
        0.10, "A map that would move more than this share of the locations waits for 'latency accept'.", low=0, high=1
    )
    hold_missing: float = setting(
        0.25, "A map that lacks more than this share of the last map's pairs waits too.", low=0, high=1
    )
    max_age_s: float = setting(
        86400.0, "A map measured longer ago than this many seconds is refused, as are such rows; 0: never.", low=0
    )
    signing_key: str = setting(
        "", "Where the key of the maps' signatures is: env:NAME or file:/PATH; never the key itself; empty: none."
    )
    require_signature: bool = setting(False, "Refuse maps without a valid signature; needs signing_key.")


@dataclass(frozen=True, slots=True)
class HealthConfig:
    """The probe of a boot server: a real read of a small file."""

    file: str = setting("nearboot-health", "Name of the small file that every boot server serves.")
    timeout_s: float = setting(2.0, "How long one attempt may take, in seconds.", low=0.001)
    attempts: int = setting(
        3, "'boot-server check' calls a boot server unhealthy when this many attempts in a row failed.", low=1
    )
    sha256: str = setting(
        "", "What the file's SHA-256 must be; empty: that of the file that 'serve tftp' puts there; 'any': any content."
    )
    http: bool = setting(True, "Read the file over HTTP too from boot servers that have an http_url.")
    interval_s: float = setting(5.0, "How often 'serve health' reads from each boot server, in seconds.", low=0.1)
    fall: int = setting(3, "A boot server is down for a vantage after this many failed reads in a row.", low=1)
    rise: int = setting(2, "One that is down is up again after this many good reads in a row.", low=1)
    distrust_share: float = setting(
        0.5, "A vantage that sees more than this share of the active boot servers down does not count.", low=0, high=1
    )
    distrust_least: int = setting(3, "With fewer active boot servers than this a vantage always counts.", low=1)


@dataclass(frozen=True, slots=True)
class ProbeConfig:
    """The latency probes: the responder and the pinger."""

    host: str = setting("::", "Address that the responder listens on; '::' serves IPv4 and IPv6.")
    port: int = setting(31338, "UDP port of the responders (UdpPinger's).", low=0, high=65535)
    keys: tuple[str, ...] = setting(
        (),
        "References to shared keys of 16 bytes or more, as env:NAME or file:/PATH: the pinger signs with the first, "
        "the responder answers all. None: UdpPinger's probes, which are not signed.",
    )
    plain: bool = setting(False, "Answer UdpPinger's unsigned probes too where there are keys.")
    allow: tuple[str, ...] = setting(
        (), "Prefixes, as 10.0.0.0/8 or 2001:db8::/32, whose pingers alone are answered; empty: all are."
    )
    answers_per_second: float = setting(
        200.0, "Replies to each pinger's address, and five times that at once; 0: no limit.", low=0
    )
    max_skew_s: float = setting(
        60.0, "How far a signed probe's time may be from the responder's, in seconds; 0: no matter.", low=0
    )
    interval_s: float = setting(60.0, "A round of the pinger, which publishes a map at its end, in seconds.", low=0.1)
    probes: int = setting(20, "Probes to each target in a round.", low=1, high=100000)
    timeout_s: float = setting(2.0, "A reply that takes longer than this is lost, in seconds.", low=0.001, high=60)
    probes_per_second: float = setting(500.0, "Most probes that the pinger sends.", low=0.01, high=100000)
    source_port: int = setting(25000, "First source port of the pinger; 0: any that are free.", low=0, high=65535)
    source_ports: int = setting(
        32, "Source ports that probes leave by in turn, so that all of several equal paths are seen.", low=1, high=256
    )
    tclass: int = setting(0, "Traffic class of the probes and their replies (DSCP times four).", low=0, high=252)
    metrics_listen: str = setting(
        "127.0.0.1:9181",
        "Address and TCP port of the responder's metrics, as [::]:9181; port 0 takes a free one; empty: none.",
    )


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """The disk cache of files that come from the inventory's origins."""

    dir: str = setting("", "Folder of the cache, which TFTP and HTTP servers share; empty: 'cache' in state_dir.")
    max_mib: int = setting(
        20480, "Most that the cache holds, in MiB; the least recently used files leave first.", low=0
    )
    fresh_s: float = setting(
        60.0,
        "Seconds after which an origin is asked whether a cached file changed; its own max-age may be less.",
        low=0,
    )
    connect_timeout_s: float = setting(3.0, "How long a connection to an origin may take, in seconds.", low=0.001)
    read_timeout_s: float = setting(10.0, "How long an origin may send nothing, in seconds.", low=0.001)
    rest_s: float = setting(10.0, "How long an origin that failed is not asked while there is another way.", low=0)
    reload_s: float = setting(
        10.0, "How often origins and checksums are read from the inventory, in seconds.", low=0.05
    )


@dataclass(frozen=True, slots=True)
class Config:
    """All of nearboot's configuration."""

    state_dir: str = setting(
        "/var/lib/nearboot", "Folder for the embedded database, the boot files and the lab's material."
    )
    database_url: str = setting("", "SQLAlchemy URL of the database; empty: SQLite in state_dir.")
    boot_root: str = setting("", "Folder of the static boot files; empty: 'boot' in state_dir.")
    run_dir: str = setting("", "Folder of the sockets that tell what the daemons do; empty: 'run' in state_dir.")
    log_format: str = setting("text", "Lines of the daemons' logs: 'text', or 'json'.", choices=("text", "json"))
    templates: str = setting("", "Folder of boot templates that go before those that come with nearboot.")
    migrations: str = setting("", "Folder of database migrations; empty: those that come with nearboot.")
    topology: str = setting("", "Folder of lab topologies; empty: those that come with nearboot.")
    tftp: TftpConfig = setting(TftpConfig(), "The TFTP server.")
    cache: CacheConfig = setting(CacheConfig(), "The cache of files from origins.")
    http: HttpConfig = setting(HttpConfig(), "The HTTP server.")
    kea: KeaConfig = setting(KeaConfig(), "The generated Kea configuration.")
    routing: RoutingConfig = setting(RoutingConfig(), "How boot servers are chosen.")
    latency: LatencyConfig = setting(LatencyConfig(), "What a latency map must be before it is used.")
    health: HealthConfig = setting(HealthConfig(), "The health probe.")
    probe: ProbeConfig = setting(ProbeConfig(), "The latency probes: responder and pinger.")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL that is used."""
        return self.database_url or f"sqlite:///{Path(self.state_dir, 'nearboot.db')}"

    @property
    def root(self) -> Path:
        """The folder of static boot files that is used."""
        return Path(self.boot_root) if self.boot_root else Path(self.state_dir, "boot")

    @property
    def cache_dir(self) -> Path:
        """The folder of the cache that is used."""
        return Path(self.cache.dir) if self.cache.dir else Path(self.state_dir, "cache")


def parse(text: str, file: str, base: Config) -> Config:
    """Read a YAML configuration over ``base``; InputError names every fault and its line."""
    return read_over(text, file, base)


def settings(config: Config) -> dict[str, tuple[object, str]]:
    """Every setting as dotted name → (value, documentation), in the order of the sections."""
    found: dict[str, tuple[object, str]] = {}
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            found |= {f"{item.name}.{f.name}": (getattr(value, f.name), f.metadata["help"]) for f in fields(value)}
        else:
            found[item.name] = (value, item.metadata["help"])
    return found
