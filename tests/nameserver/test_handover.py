"""A worker whose place another process of its name takes: nothing is lost, and whatever fails, somebody answers."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from gslb.nameserver import disk
from gslb.supervisor.child import TAKE_OVER
from gslb.supervisor.lockfile import lock_file, read_holder
from tests.e2e.load import queries
from tests.nameserver.support import NAME, SNAPSHOT, Server, started
from tests.waiting import eventually


def successor(server: Server, *arguments: str) -> subprocess.Popen[bytes]:
    """One that is to take the place of ``server``, with further arguments."""
    with server._log.open("ab") as log:
        return subprocess.Popen(
            [*server._command, *arguments], stdout=log, stderr=log, env=os.environ | {TAKE_OVER: "1"}
        )


def holder(server: Server) -> int | None:
    found = read_holder(lock_file(server.socket.parent, NAME))
    return found.pid if found else None


@contextlib.contextmanager
def serving(folder: Path, *extra: str) -> Iterator[Server]:
    server = Server(folder, *extra)
    disk.write(server.snapshot, SNAPSHOT)
    with started(server):
        yield server


@contextlib.contextmanager
def ending(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_under_load_every_query_is_answered_by_one_or_the_other(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        with queries(server.port, rate=2000) as load:
            former = server.process
            for number in range(3):
                time.sleep(0.3)
                later = successor(server, f"--code={number}")
                assert former.wait(20) == 0
                eventually(lambda: holder(server) == later.pid)  # noqa: B023  called at once
                former = server._process = later
            time.sleep(0.3)
        assert len(load.sent) > 1000
        assert load.lost() == []
        assert server.log.count("place was taken over") == 3
