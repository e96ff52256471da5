"""unbound between clients and a nameserver: it caches for the TTL, as the resolvers of providers and offices do.

Debian package ``unbound``; without it the test is skipped.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

from tests.waiting import eventually, free_port

LOCAL = "127.0.0.1"
ZONE = "example.com"

_CONFIG = """
server:
    interface: {local}@{port}
    access-control: 127.0.0.0/8 allow
    do-ip6: no
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    verbosity: 1
    num-threads: 1
    module-config: "iterator"
    do-not-query-localhost: no
    domain-insecure: "{zone}"
    cache-min-ttl: 0
    prefetch: no
    serve-expired: no
    msg-cache-size: 1m
    rrset-cache-size: 1m
    key-cache-size: 64k
    neg-cache-size: 64k
    infra-cache-numhosts: 100
    outgoing-range: 512
    num-queries-per-thread: 256
remote-control:
    control-enable: no
stub-zone:
    name: "{zone}"
    stub-addr: {local}@{nameserver}
"""


@dataclass(frozen=True, slots=True)
class Resolver:
    """A running unbound.

    Attributes:
        port: of loopback, on which it answers.
        log: what it has to say.
    """

    port: int
    log: Path

    def ask(self, name: str, timeout: float = 0.5) -> dns.message.Message | None:
        """What it answers to a question for addresses; None without an answer."""
        try:
            return dns.query.udp(dns.message.make_query(name, "A"), LOCAL, timeout, self.port)
        except (OSError, dns.exception.Timeout):
            return None


def program() -> str:
    """Where unbound is. Skips the test where it is not installed."""
    found = shutil.which("unbound", path="/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin")
    if found is None:
        pytest.skip("there is no unbound (package unbound)")
    return found


@contextmanager
def resolving(folder: Path, nameserver: int) -> Iterator[Resolver]:
    """One that asks the nameserver on this port of loopback about example.com, from an empty cache."""
    unbound, config = program(), folder / "unbound.conf"
    resolver = Resolver(free_port(), folder / "unbound.log")
    config.write_text(_CONFIG.format(local=LOCAL, port=resolver.port, folder=folder, zone=ZONE, nameserver=nameserver))
    with resolver.log.open("wb") as log:
        process = subprocess.Popen(
            [unbound, "-d", "-c", str(config)], stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        eventually(lambda: _answers(resolver, process))
        yield resolver
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()


def _answers(resolver: Resolver, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, resolver.log.read_text()
    return resolver.ask("localhost") is not None  # which it knows by itself
