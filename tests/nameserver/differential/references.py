"""NSD and Knot on loopback, serving zones from master files.

Debian packages ``nsd`` and ``knot``; without them the tests are skipped.
"""

import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.waiting import eventually, free_port

LOCAL = "127.0.0.1"

_NSD = """
server:
    ip-address: {local}@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: ""
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    hide-version: yes
    hide-identity: yes
    refuse-any: no
    minimal-responses: no
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
"""
_NSD_ZONE = """
zone:
    name: "{origin}"
    zonefile: "{file}"
"""
_KNOT = """
server:
    rundir: "{folder}"
    listen: {local}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    identity: ""
    version: ""
control:
    listen: "{folder}/knot.sock"
database:
    storage: "{folder}"
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
"""
_KNOT_ZONE = """
  - domain: "{origin}"
    file: "{file}"
"""


def program(name: str, package: str) -> str:
    """Where ``name`` is. Skips the test where it is not installed."""
    found = shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin")
    if found is None:
        pytest.skip(f"there is no {name} (package {package})")
    return found


@contextmanager
def serving_nsd(folder: Path, files: Mapping[str, Path]) -> Iterator[int]:
    """The port of an NSD with the master files ``files`` by origin."""
    nsd, port, config = program("nsd", "nsd"), free_port(), folder / "nsd.conf"
    zones = "".join(_NSD_ZONE.format(origin=origin, file=file) for origin, file in files.items())
    config.write_text(_NSD.format(local=LOCAL, port=port, folder=folder) + zones)
    with _running([nsd, "-d", "-c", str(config)], folder / "nsd.log", port, files):
        yield port


@contextmanager
def serving_knot(folder: Path, files: Mapping[str, Path]) -> Iterator[int]:
    """The port of a Knot with the master files ``files`` by origin."""
    knot, port, config = program("knotd", "knot"), free_port(), folder / "knot.conf"
    zones = "".join(_KNOT_ZONE.format(origin=origin, file=file) for origin, file in files.items())
    config.write_text(_KNOT.format(local=LOCAL, port=port, folder=folder) + zones)
    with _running([knot, "-c", str(config)], folder / "knot.log", port, files):
        yield port


@contextmanager
def _running(command: list[str], log: Path, port: int, origins: Mapping[str, Path]) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        for origin in origins:
            eventually(lambda origin=origin: _serves(origin, port, process, log))  # type: ignore[misc]
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()


def _serves(origin: str, port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether it answers for the SOA of ``origin`` with authority: a zone with a fault in it is not served."""
    assert process.poll() is None, log.read_text()
    labels = b"".join(bytes([len(label)]) + label.encode() for label in origin.rstrip(".").split("."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, suppress(OSError):
        sock.settimeout(0.2)
        sock.connect((LOCAL, port))
        sock.send(struct.pack(">6H", 1, 0, 1, 0, 0, 0) + labels + b"\x00" + struct.pack(">HH", 6, 1))
        reply = sock.recv(4096)
        return reply[3] & 0xF == 0 and bool(reply[2] & 4)
    return False
