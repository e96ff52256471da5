"""Runs what an escalation calls for: a command or a request, with a time limit and a bound on how many run at once.

A command finds what it is about as JSON on its standard input and as ``GSLB_`` variables, beside ``PATH=/usr/bin:/bin``
and ``LANG=C.UTF-8``, and nothing else. It runs in ``/`` and leads a process group, which is killed when time is up and
when the command has ended.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from subprocess import PIPE, Popen
from typing import Any
from uuid import uuid4

from gslb.config.receivers import ReceiverOptions
from gslb.control.notify.post import Poster, PostError
from gslb.control.notify.text import first_line
from gslb.model.template import as_text, render
from probes.net.command import Command, Slots

MOST_HOOKS = 8
"""Under way at once; further ones wait."""
MOST_OUTPUT = 4096
"""Octets of output that are kept, of stdout and of stderr."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a stage.

    Attributes:
        word: ``done``, ``failed``, ``timeout`` or ``refused``.
        detail: one line of what was seen.
    """

    word: str
    detail: str = ""


class Hooks:
    """Runs hooks, ``most`` at once. Needs a running event loop."""

    def __init__(self, most: int = MOST_HOOKS) -> None:
        self._slots = Slots(most)

    async def command(self, arguments: Sequence[str], values: Mapping[str, Any], limit: float) -> Outcome:
        """Run a command.

        Args:
            arguments: the program, an absolute path, and its arguments, with places for ``values``.
            values: what it is about, plain data.
            limit: seconds.
        """
        await self._slot()
        line = [arguments[0], *(as_text(render(argument, values)) for argument in arguments[1:])]
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            command = Command(_spawn(line, values, limit), _Owner(ended), MOST_OUTPUT, self._slots)
        except Exception as error:  # noqa: BLE001  whatever it is, the slot must not be lost with it
            self._slots.give_back()
            return Outcome("failed", f"not started: {error}")
        return await self._outcome(command, ended, limit)

    async def _outcome(self, command: Command, ended: "asyncio.Future[str]", limit: float) -> Outcome:
        try:
            async with asyncio.timeout(limit):  # unlike wait_for, it never swallows a cancellation
                fault = await ended
        except TimeoutError:
            if not command.collect():  # it was in time, whatever kept this process from seeing it
                command.abandon()
                return Outcome("timeout", f"killed after {limit:g} s")
            fault = ""
        except asyncio.CancelledError:
            command.abandon()
            raise
        said, words = first_line(*command.texts()), fault or _words(command.code)
        if words:
            return Outcome("failed", f"{words}: {said}" if said else words)
        return Outcome("done", said)

    async def webhook(self, options: ReceiverOptions, values: Mapping[str, Any], limit: float) -> Outcome:
        """Call a receiver, once.

        Args:
            options: whom, and with what.
            values: what it is about, plain data.
            limit: seconds.
        """
        async with self._taken():
            document = dict(values) if options.template is None else render(options.template, values)
            try:
                reply = await Poster(options).post(values["id"], document, limit)
            except PostError as error:
                return Outcome("timeout" if error.late else "failed", str(error))
        return Outcome("done" if reply.ok else "failed", str(reply))

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[None]:
        await self._slot()
        try:
            yield
        finally:
            self._slots.give_back()

    async def _slot(self) -> None:
        """Wait for a slot, which is to be given back."""
        free: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take() -> None:
            if free.done():  # cancelled while this was on its way
                self._slots.give_back()
            else:
                free.set_result(None)

        self._slots.take(take)
        try:
            await free
        except asyncio.CancelledError:
            if not free.cancelled():
                self._slots.give_back()
            raise


class _Owner:
    """Tells a future of the end of a command: with the words for what was wrong with it, if anything was."""

    def __init__(self, ended: "asyncio.Future[str]") -> None:
        self._ended = ended

    def exited(self) -> None:
        """See Owner."""
        self._tell("")

    def flooded(self) -> None:
        """See Owner."""
        self._tell("killed for too much output")

    def _tell(self, fault: str) -> None:
        if not self._ended.done():
            self._ended.set_result(fault)


def _spawn(line: Sequence[str], values: Mapping[str, Any], limit: float) -> Popen[bytes]:
    """The command, started.

    Raises:
        OSError: it cannot be started here.
        ValueError: an argument cannot be one.
    """
    about = {f"GSLB_{name.upper()}": as_text(value) for name, value in values.items()}
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "GSLB_TIMEOUT": f"{limit:g}"} | about
    with open(os.memfd_create("gslb-hook"), "w+b") as document:  # noqa: PTH123  a pipe would have to be fed
        document.write(json.dumps(values, ensure_ascii=False).encode())
        document.seek(0)
        return Popen(  # noqa: S603  to run what is configured is its purpose
            line,
            bufsize=0,
            stdin=document,
            stdout=PIPE,
            stderr=PIPE,
            cwd="/",
            env=environment,
            start_new_session=True,
        )


def _words(code: int | None) -> str:
    """What is wrong with an exit code of ``Popen``."""
    if code is None:
        return "somebody else in this process has taken the exit code"
    if code < 0:
        return f"killed by signal {-code}"
    return f"exit code {code}" if code else ""


def new_identity() -> str:
    """An id for one run of a hook."""
    return uuid4().hex
