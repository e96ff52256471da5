"""Real supervisors over real processes. All of them carry a mark in their environment, by which a test that ends,
however it ends, finds and kills what it left."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gslb.supervisor.lockfile import lock_file, read_holder
from tests.waiting import eventually

HERE = Path(__file__).parent


@dataclass
class World:
    """One run folder, with its supervisors and what they started."""

    run_dir: Path
    mark: str = field(default_factory=lambda: f"SUPERVISOR_TEST={uuid.uuid4()}")
    popens: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self, name: str, behaviour: str = "serve") -> tuple[str, list[str]]:
        return name, [sys.executable, str(HERE / "worker.py"), str(self.run_dir), name, behaviour]

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        name, _, value = self.mark.partition("=")
        with (self.run_dir / "output").open("a") as output:
            popen = subprocess.Popen(command, env={**os.environ, name: value}, stdout=output, stderr=output)
        self.popens.append(popen)
        return popen

    def supervise(
        self, *children: tuple[str, list[str]], stop_timeout: float = 10.0, renews: bool = False
    ) -> subprocess.Popen[bytes]:
        script, arguments = str(HERE / "supervise.py"), [str(self.run_dir), str(stop_timeout), json.dumps(children)]
        return self.start([sys.executable, script, *arguments, *(["--renews"] if renews else [])])

    def output(self) -> str:
        """What supervisors and workers printed."""
        return (self.run_dir / "output").read_text()

    def pid(self, name: str) -> int | None:
        """The process that holds the lock ``name``, if any does."""
        holder = read_holder(lock_file(self.run_dir, name))
        return holder.pid if holder else None

    def wait_for_pid(self, name: str, *, other_than: int | None = None) -> int:
        return eventually(lambda: pid if (pid := self.pid(name)) != other_than else None)

    def notes(self, name: str) -> list[tuple[float, str]]:
        """What the worker ``name`` noted, with monotonic seconds."""
        path = self.run_dir / f"{name}.notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(float(when), what) for when, _, what in (line.partition(" ") for line in lines)]

    def wait_for_notes(self, name: str, what: str, count: int = 1) -> list[float]:
        def times() -> list[float]:
            return [when for when, noted in self.notes(name) if noted == what]

        return eventually(lambda: found if len(found := times()) >= count else None)

    def events(self, event: str) -> list[dict[str, Any]]:
        """The supervisors' log entries of this kind, in order."""
        path = self.run_dir / "events"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        return [entry for entry in entries if entry["event"] == event]

    def wait_for_event(self, event: str, **values: object) -> dict[str, Any]:
        def matching() -> list[dict[str, Any]]:
            return [entry for entry in self.events(event) if values.items() <= entry.items()]

        return eventually(matching)[0]

    def alive(self) -> list[int]:
        """Every live process of this test; the dead that nobody has reaped yet have no environment."""
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self.mark in _environment(path)]

    def kill_all(self) -> None:
        while pids := self.alive():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for popen in self.popens:
            popen.wait()


def _environment(process: Path) -> list[str]:
    try:
        return (process / "environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    try:
        yield world
    finally:
        world.kill_all()
