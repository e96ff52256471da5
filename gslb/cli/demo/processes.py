"""The demo's processes: started in order, ended in reverse, and none outlives the demo."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

PATIENCE = 5.0
"""Seconds from one signal to the next, stronger one."""
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the demo dies, even of kill -9 (prctl(2))."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Processes:
    """Named child processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, asyncio.subprocess.Process] = {}

    def alive(self, name: str) -> bool:
        """Whether the process of this name runs."""
        process = self._running.get(name)
        return process is not None and process.returncode is None

    def dead(self) -> Iterator[str]:
        """Names of those that have ended by themselves or were killed."""
        return (name for name in self._running if not self.alive(name))

    async def start(
        self, name: str, module: str, arguments: Sequence[str], environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Start ``python -m module`` unless it runs already; a session of its own keeps Ctrl-C from it."""
        if not self.alive(name):
            self._running[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                cwd=self._folder,
                env={**os.environ, **environment},
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    async def end(self, name: str, patience: float) -> None:
        """Send SIGTERM, and SIGKILL after ``patience`` seconds."""
        if not self.alive(name):
            return
        process = self._running[name]
        process.terminate()
        try:
            async with asyncio.timeout(patience):
                await process.wait()
        except TimeoutError:
            await self.kill(name)

    async def kill(self, name: str) -> bool:
        """Send SIGKILL; whether there was anything to kill."""
        if not self.alive(name):
            return False
        self._running[name].kill()
        await self._running[name].wait()
        return True

    async def stop(self) -> None:
        """End all, the newest first."""
        for name in reversed(self._running):
            await self._end(self._running[name])

    @staticmethod
    async def _end(process: asyncio.subprocess.Process) -> None:
        """SIGTERM, again (which makes the supervisor kill what it has started), and only then SIGKILL."""
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if process.returncode is not None:
                return
            process.send_signal(number)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await process.wait()
