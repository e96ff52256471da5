"""Starting, stopping and reloading the process, and the addresses it listens on."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dns.message
import pytest

from gslb.errors import ListenError, StateError
from gslb.model.address import parse_address
from gslb.nameserver import disk
from gslb.nameserver.listen import listening
from gslb.nameserver.process import Options, _Worker
from gslb.nameserver.snapshot import Snapshot
from tests.nameserver.support import SNAPSHOT, ZONES, Server, rcode, running, service, started, values
from tests.waiting import eventually

MOVED = service("api.example.com.", (1, ["203.0.113.9"]))


def test_it_stops_cleanly_and_takes_its_socket_away(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        assert server.stop() == 0
        assert not server.socket.exists()


def test_it_answers_over_ipv6_udp_and_tcp(tmp_path: Path) -> None:
    with running(tmp_path, listen="::1") as server:
        assert values(server.ask("www.example.com."))
        assert values(server.send(dns.message.make_query("www.example.com.", "A"), tcp=True))


@pytest.mark.parametrize(("listen", "host"), [("0.0.0.0", "127.0.0.9"), ("::", "::1")])
def test_a_wildcard_address_answers_from_the_address_that_was_asked(tmp_path: Path, listen: str, host: str) -> None:
    with running(tmp_path, listen=listen, host=host) as server:
        for _ in range(3):
            assert values(server.ask("www.example.com."))  # dnspython refuses an answer from elsewhere
        assert server.stop() == 0


def test_it_listens_on_several_addresses_and_shares_them_if_asked_to(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with running(tmp_path / "a", "--reuse-port") as first:
        second = Server(tmp_path / "b")
        second._command[5] = f"--listen=127.0.0.1:{first.port}"
        second._command += [f"--listen=127.0.0.2:{second.port}", "--reuse-port"]
        second.host = "127.0.0.2"
        disk.write(second.snapshot, SNAPSHOT)
        with started(second):
            assert values(second.ask("www.example.com."))


def test_the_damaged_newest_gives_way_to_the_one_before(tmp_path: Path) -> None:
    server = Server(tmp_path)
    disk.write(server.snapshot, SNAPSHOT)
    disk.write(server.snapshot, Snapshot(8, ZONES, (MOVED,)))
    with server.snapshot.open("r+b") as file:
        file.truncate(1000)
    with started(server):
        assert values(server.ask("api.example.com."))[0] in {"203.0.113.1", "203.0.113.2"}
        assert "snapshot unusable" in server.log


def test_a_snapshot_that_cannot_be_compiled_gives_way_too(tmp_path: Path) -> None:
    server = Server(tmp_path)
    disk.write(server.snapshot, SNAPSHOT)
    disk.write(server.snapshot, Snapshot(8, ZONES, (service("api.example.com.", (0, ["192.0.2.1"])),)))
    with started(server):
        assert values(server.ask("api.example.com."))


def test_hup_reads_the_snapshot_again_and_leaves_a_bad_one(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        disk.write(server.snapshot, Snapshot(8, ZONES, (MOVED,)))
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: values(server.ask("api.example.com.")) == ["203.0.113.9"])
        server.snapshot.write_text("nonsense")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "snapshot not reloaded" in server.log)
        assert values(server.ask("api.example.com.")) == ["203.0.113.9"]


def test_without_any_snapshot_it_says_servfail(tmp_path: Path) -> None:
    with running(tmp_path, snapshot=None) as server:
        assert rcode(server.ask("www.example.com.")) == "SERVFAIL"
        assert "no snapshot to start from" in server.log


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_an_address_in_use_is_named_and_nothing_is_started(tmp_path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(ListenError, match=f"nameserver.listen: cannot listen on {address}: Address already in use"),
            listening((parse_address(address),), tmp_path / "sock", reuse_port=False),
        ):
            pass
        assert not (tmp_path / "sock").exists()
        done = subprocess.run(
            [sys.executable, "-m", "gslb.cli.nameserver", "nameserver-0", tmp_path, f"--listen={address}"],
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr.count(b"Address already in use")) == (1, 1)


def test_a_socket_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    with pytest.raises(ListenError, match="107 bytes"), listening((), path, reuse_port=False):
        pass


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with listening((), path, reuse_port=False):
        with pytest.raises(ListenError, match="another nameserver"), listening((), path, reuse_port=False):
            pass
        assert path.exists()
    assert not path.exists()


def test_it_answers_from_disk_soon_after_its_start(tmp_path: Path) -> None:
    server = Server(tmp_path)
    disk.write(server.snapshot, SNAPSHOT)
    at = time.monotonic()
    with started(server):
        assert time.monotonic() - at < 3  # 0.3 s at leisure


def ahead(seconds: float, *paths: Path) -> None:
    at = time.time() + seconds
    for path in paths:
        os.utime(path, (at, at))


def test_a_new_worker_starts_from_what_others_have_kept(tmp_path: Path) -> None:
    disk.write(tmp_path / "nameserver-0.snapshot", SNAPSHOT)
    [(file, snapshot)] = disk.newest(tmp_path / "nameserver-1.snapshot")
    assert (file.name, snapshot) == ("nameserver-0.snapshot", SNAPSHOT)


def test_a_worker_whose_name_was_not_in_use_for_long_does_not_start_from_what_was_then(tmp_path: Path) -> None:
    own, other = tmp_path / "nameserver-1.snapshot", tmp_path / "nameserver-0.snapshot"
    disk.write(own, SNAPSHOT)
    disk.write(other, Snapshot(8, ZONES, (MOVED,)))
    assert next(disk.newest(own))[0] == own  # both at work
    ahead(60, other)
    assert [file for file, _ in disk.newest(own)] == [other, own]


def test_a_clock_that_was_set_back_makes_nothing_newer(tmp_path: Path) -> None:
    own, other = tmp_path / "nameserver-1.snapshot", tmp_path / "nameserver-0.snapshot"
    disk.write(own, Snapshot(8, ZONES, (MOVED,)))
    disk.write(other, SNAPSHOT)
    ahead(60, other)
    assert [file for file, _ in disk.newest(own)] == [own]


def test_what_waits_in_its_sockets_is_answered_before_it_stops(tmp_path: Path) -> None:
    with running(tmp_path) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect((server.host, server.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        query = dns.message.make_query("www.example.com.", "A").to_wire()
        server.process.send_signal(signal.SIGSTOP)
        for _ in range(200):
            client.send(query)
        with socket.create_connection((server.host, server.port)) as stream:
            stream.settimeout(5)
            stream.sendall(len(query).to_bytes(2) + query)
            server.process.send_signal(signal.SIGTERM)
            server.process.send_signal(signal.SIGCONT)
            assert server.process.wait(10) == 0
            assert stream.recv(2)
        for _ in range(200):
            assert client.recv(4096)


def test_it_imports_only_what_answering_needs() -> None:
    script = "import sys, gslb.cli.nameserver, gslb.nameserver.process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    heavy = {"aiohttp", "boto3", "google", "pydantic", "sqlmodel", "typer", "uvloop"}
    assert not heavy & set(done.stdout.decode().split())


async def test_one_whose_successor_has_failed_answers_although_its_lock_cannot_be_written(tmp_path: Path) -> None:
    went_on: list[str] = []

    def unwritable(_: object) -> None:
        went_on.append("named")
        raise StateError("lock", "no space", "make some")

    lock: Any = SimpleNamespace(name=unwritable)
    with listening((), tmp_path / "sock", reuse_port=False) as sockets:
        options = Options((), tmp_path / "sock", tmp_path / "snapshot", tmp_path / "lock", ())
        worker: Any = _Worker(options, lock, sockets)
        worker._ended = SimpleNamespace(done=lambda: False)
        worker._answering = SimpleNamespace(go_on=lambda: went_on.append("answers"))
        worker.go_on()
    assert went_on == ["answers", "named"]


def test_a_control_socket_that_was_left_to_another_process_is_not_taken_away(tmp_path: Path) -> None:
    """Whatever number the inode of the other one has."""
    path = tmp_path / "sock"
    with listening((), path, reuse_port=False) as sockets:
        sockets.control.leave()
        path.unlink()
        path.touch()
        sockets.control.inode = path.lstat().st_ino
    assert path.exists()


def test_a_snapshot_is_written_beside_what_another_process_writes_and_without_what_a_dead_one_has_left(
    tmp_path: Path,
) -> None:
    path = tmp_path / "nameserver-0.snapshot"
    with subprocess.Popen(["true"]) as dead:
        pass
    left, alive = (path.with_name(f"{path.name}.{pid}.new") for pid in (dead.pid, os.getppid()))
    left.touch()
    alive.touch()
    disk.write(path, SNAPSHOT)
    assert disk.read(path) == SNAPSHOT
    assert (left.exists(), alive.exists()) == (False, True)
