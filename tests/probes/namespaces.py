"""Network namespaces of a test's own: a host, and a router that it sends everything to. They need root."""

import contextlib
import os
import secrets
import select
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address

import pytest

from gslb.model.address import IP
from probes.net.source import Source
from tests.waiting import eventually

PAUSE = 0.25
"""seconds that a closed port has to say so, each time it is asked: errors are limited, and tests need some as well"""

ROUTER = (IPv4Address("198.18.0.1"), IPv6Address("2001:db8::1"))
UNREACHABLE = (IPv4Address("198.51.100.1"), IPv6Address("2001:db8:1::1"))
"""The router says that there is no way."""
PROHIBITED = (IPv4Address("203.0.113.1"), IPv6Address("2001:db8:2::1"))
"""The router says that it must not."""
BLACKHOLE = (IPv4Address("192.0.2.1"), IPv6Address("2001:db8:3::1"))
"""The router drops it without a word."""

_SETUP = (
    "-n {host} link set lo up",
    "-n {host} link add up0 type veth peer name down0 netns {router}",
    "-n {host} address add 198.18.0.2/24 dev up0",
    "-n {host} address add 2001:db8::2/64 dev up0 nodad",
    "-n {router} address add 198.18.0.1/24 dev down0",
    "-n {router} address add 2001:db8::1/64 dev down0 nodad",
    "-n {host} link set up0 up",
    "-n {router} link set down0 up",
    "-n {host} route add default via 198.18.0.1",
    "-n {host} -6 route add default via 2001:db8::1",
    "-n {router} route add unreachable 198.51.100.0/24",
    "-n {router} -6 route add unreachable 2001:db8:1::/48",
    "-n {router} route add prohibit 203.0.113.0/24",
    "-n {router} -6 route add prohibit 2001:db8:2::/48",
    "-n {router} route add blackhole 192.0.2.0/24",
    "-n {router} -6 route add blackhole 2001:db8:3::/48",
)


@dataclass(frozen=True, slots=True)
class Namespace:
    """One that ``ip netns`` knows by name."""

    name: str

    def write(self, setting: str, value: str) -> None:
        """Set a file below /proc/sys/net, as it is in there."""
        self.run("sh", "-c", f"echo '{value}' > /proc/sys/net/{setting}")

    def run(self, *command: str) -> None:
        """Skips the test where the command cannot be carried out, as with a /proc/sys that is read-only."""
        _run("ip", "netns", "exec", self.name, *command)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no virtual network: {' '.join(command)}: {done.stderr.strip()}")


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """A new one. Skips the test where there cannot be any."""
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    if shutil.which("ip") is None:
        pytest.skip("there is no ip command (iproute2)")
    name = f"gslb-test-{os.getpid()}-{secrets.token_hex(4)}"
    _run("ip", "netns", "add", name)
    try:
        yield Namespace(name)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@contextlib.contextmanager
def host_behind_router() -> Iterator[Namespace]:
    """A host whose router answers itself, and treats UNREACHABLE, PROHIBITED and BLACKHOLE as they say.

    Linux limits the errors that it tells of its routes: over IPv4 to five, and one more each second.
    """
    with namespace() as host, namespace() as router:
        for line in _SETUP:
            _run("ip", *line.format(host=host.name, router=router.name).split())
        for setting in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            router.write(setting, "1")
        router.write("ipv4/icmp_ratemask", "0")  # whose bits are the types that are limited
        router.write("ipv6/icmp/ratelimit", "0")
        for ip in ROUTER:
            eventually(partial(_refuses, host, ip))
        yield host


def _refuses(host: Namespace, ip: IP) -> bool:
    """Whether the link is up so far that a closed port of the router can say so."""
    asked = Source(namespace=host.name).socket(ip, socket.SOCK_DGRAM)
    with contextlib.closing(asked):
        try:
            asked.connect((str(ip), 1))
            asked.send(b"?")
            select.select([asked], [], [], PAUSE)
            asked.recv(1)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
