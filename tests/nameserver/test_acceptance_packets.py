"""Millions of mutated packets against a live server, and coverage-guided fuzzing of what takes them apart."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

import dns.message
import pytest

from gslb.nameserver.settings import RateLimit, Settings
from tests.nameserver.packets import mutated, seeds
from tests.nameserver.support import SNAPSHOT, Server, rcode, running

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

PACKETS = 2_000_000
WINDOW = 64
ROOM = 48
"""MiB for what is kept ready for packets that come again, as some of these do: it is bounded, and far from full here.
Of what stays behind for each packet, 25 bytes would be seen."""
HONEST = "127.0.3.1"
"""asks after each so many packets, and is answered: so none of them is lost on the way"""
FUZZ_SECONDS = 60


@pytest.mark.parametrize("limited", [False, True])
def test_millions_of_mutated_packets_cost_neither_life_nor_memory_nor_anybody_else(
    tmp_path: Path,
    limited: bool,  # noqa: FBT001  a parameter
) -> None:
    """What goes out is at most three times what comes in, whether responses are limited or not."""
    rate = RateLimit(200, 50, exempt=(f"{HONEST}/32",)) if limited else None
    settings = Settings(identity="istanbul-1", version="gslb", cookie_secrets=("00" * 16,), rate_limit=rate)
    with running(tmp_path, snapshot=replace(SNAPSHOT, settings=settings)) as server:
        began = time.monotonic()
        packets = mutated(Random(7), seeds())
        warm = throw(server, islice(packets, PACKETS // 10))
        before = memory(server)
        sent = throw(server, islice(packets, PACKETS * 9 // 10))
        after = memory(server)
        bytes_in, bytes_out = warm[0] + sent[0], warm[1] + sent[1]
        print(
            f"\n{PACKETS} packets in {time.monotonic() - began:.0f} s; memory {before:.0f} MiB, then {after:.0f} MiB; "
            f"{bytes_out / bytes_in:.2f} bytes out for each in"
        )
        assert "fault in handling a packet" not in server.log
        assert after < before + ROOM
        assert bytes_out <= 3 * bytes_in


def throw(server: Server, packets: Iterator[bytes]) -> tuple[int, int]:
    """Send them, and take what comes back; bytes out to the server, and back from it."""
    there = back = 0
    question = dns.message.make_query("api.example.com.", "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        sock.connect((server.host, server.port))
        sock.setblocking(False)
        while batch := list(islice(packets, WINDOW)):
            there += sum(map(sock.send, batch))
            assert rcode(server.send(question, source=HONEST)) == "NOERROR"
            back += drained(sock)
    return there, back


def drained(sock: socket.socket) -> int:
    size = 0
    while True:
        try:
            size += len(sock.recv(65535))
        except BlockingIOError:
            return size


def memory(server: Server) -> float:
    """Resident, in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def test_fuzzing_by_coverage_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this Python")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, packet in enumerate(seeds()):
        (corpus / str(number)).write_bytes(packet)
    command = [sys.executable, "-m", "tests.nameserver.fuzz_packets", f"-max_total_time={FUZZ_SECONDS}"]
    command += [f"-artifact_prefix={tmp_path}/", str(corpus)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=FUZZ_SECONDS + 120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    print(f"\n{done.stderr.splitlines()[-1]}")
