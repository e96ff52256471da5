"""exec: a command ends with an exit code that passes.

Options:
    command      the command and its arguments, run without a shell; the first is an absolute path
    environment  further environment variables
    expect       exit codes that pass; default ``[0]``
    max_output   octets of output that are kept, of stdout and of stderr; default ``4096``

The command finds ``GSLB_TARGET_IP``, ``GSLB_TARGET_PORT``, ``GSLB_TARGET_NAME``, ``GSLB_TIMEOUT`` (seconds that are
left), ``GSLB_SOURCE`` (the source address, where one is set), ``PATH=/usr/bin:/bin``, ``LANG=C.UTF-8`` and what
``environment`` adds or replaces, and nothing else: no other variable, no open file, no input. It runs in ``/``, and in
the network namespace of its vantage point. The first line of its output is told as the detail of the attempt.

It leads a session and process group of its own. The group is killed when time is up, and what the command leaves behind
in it when it has ended; only what has made itself a session of its own stays.
"""

import errno
import os
import signal
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from time import monotonic
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from gslb.model.observation import Cause, Observation
from gslb.model.options import CONFIDENTIAL, Options
from probes.base import Done, Target, failure
from probes.net.command import CHUNK, MAX_WRITTEN, Command, Slots
from probes.net.network import Network

MAX_COMMANDS = 32
"""Under way at once in this process; further ones wait within their time."""
SHOWN = 200
"""characters of the first line that are told"""

_OURS = "GSLB_"

Argument = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=65536)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$")]
ExitCode = Annotated[int, Field(ge=0, le=255)]


class Exec(Options):
    """Run, wait, and judge the exit code."""

    by_tcp: ClassVar[bool] = False

    command: Annotated[
        list[Argument],
        Field(min_length=1, max_length=1000, description="the command, an absolute path, and its arguments"),
    ]
    environment: Annotated[
        dict[Variable, Argument],
        CONFIDENTIAL,
        Field(max_length=100, repr=False, description="further environment variables"),
    ] = {}  # noqa: RUF012  pydantic copies it
    expect: Annotated[list[ExitCode], Field(min_length=1, description="exit codes that pass")] = [0]  # noqa: RUF012  likewise
    max_output: Annotated[int, Field(ge=1, le=CHUNK, description="octets of stdout and of stderr that are kept")] = 4096

    @field_validator("command")
    @classmethod
    def _can_be_run(cls, command: list[str]) -> list[str]:
        program = Path(command[0])
        if not program.is_absolute():
            raise ValueError(f"{command[0]!r} is no absolute path; commands are not looked for in PATH")
        if not os.access(program, os.F_OK):
            raise ValueError(f"{program} does not exist; check the path and its permissions")
        if not program.is_file() or not os.access(program, os.X_OK):
            raise ValueError(f"{program} is not executable; chmod +x it, or put its interpreter before it")
        return command

    @field_validator("environment")
    @classmethod
    def _leaves_ours_alone(cls, environment: dict[str, str]) -> dict[str, str]:
        for name in environment:
            if name.startswith(_OURS):
                raise ValueError(f"{name} is set by gslb itself, as all that begins with {_OURS}; choose another name")
        return environment

    def session(self, target: Target, network: Network) -> "_Session":
        """See Probe."""
        return _Session(self, target, network)


_slots = Slots(MAX_COMMANDS)


class _Session:
    """Knows how to start the command. Nothing is kept between attempts."""

    def __init__(self, probe: Exec, target: Target, network: Network) -> None:
        self.probe, self._source = probe, network.source
        source = network.source.address(target.ip)
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "GSLB_TARGET_IP": str(target.ip),
            "GSLB_TARGET_PORT": str(target.port),
            "GSLB_TARGET_NAME": target.name,
            **({"GSLB_SOURCE": str(source)} if source else {}),
            **probe.environment,
        }

    def start(self, timeout: float, done: Done) -> "_Attempt":
        """See Session."""
        return _Attempt(self, timeout, done)

    def close(self) -> None:
        """See Session."""

    def spawn(self, seconds: float) -> Popen[bytes]:
        """The command, started.

        Raises:
            OSError: it cannot be started here.
        """
        if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
            raise OSError(errno.ECHILD, "SIGCHLD is ignored, so no exit code would be seen")
        environment = self._environment | {"GSLB_TIMEOUT": f"{max(seconds, 0.0):.3f}".rstrip("0").rstrip(".")}
        with self._source.entered():  # a child is born into the namespace of the thread that makes it
            return Popen(  # noqa: S603  to run what is configured is its purpose
                self.probe.command,
                bufsize=0,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                cwd="/",
                env=environment,
                start_new_session=True,
            )


class _Attempt:
    """One run of the command, or the wait for it."""

    __slots__ = ("_command", "_done", "_session", "_started", "_timeout", "_waited")

    def __init__(self, session: _Session, timeout: float, done: Done) -> None:
        self._session, self._timeout, self._done = session, timeout, done
        self._started, self._waited = monotonic(), 0.0
        self._command: Command | None = None
        _slots.take(self._run)

    def expire(self) -> Observation:
        """See Attempt."""
        command = self._command
        if command is None:
            _slots.withdraw(self._run)
            return self._fail(Cause.LOCAL, f"no slot: {MAX_COMMANDS} commands are under way")
        if command.collect():
            return self._judge(command)  # it was in time, whatever kept this process from seeing it
        command.abandon()
        if self._waited > self._timeout / 2:
            # What was left says too little about the endpoint.
            return self._fail(Cause.LOCAL, f"no slot for {self._waited:.3f} s of {self._timeout:g} s")
        return self._fail(Cause.TIMEOUT, "no exit in time", _first_line(command))

    def exited(self) -> None:
        """See Owner."""
        assert self._command is not None  # noqa: S101  it tells this
        self._done(self._judge(self._command))

    def flooded(self) -> None:
        """See Owner."""
        self._done(self._fail(Cause.EXIT, f"killed for more than {MAX_WRITTEN} octets of output"))

    def _run(self) -> None:
        self._waited = monotonic() - self._started
        try:
            popen = self._session.spawn(self._timeout - self._waited)
            self._command = Command(popen, self, self._session.probe.max_output, _slots)
        except Exception as error:  # noqa: BLE001  whatever it is, the slot must not be lost with it
            _slots.give_back()
            self._done(self._fail(Cause.LOCAL, f"not started: {_reason(error)}"))

    def _judge(self, command: Command) -> Observation:
        line, code = _first_line(command), command.code
        if code is None:
            return self._fail(Cause.LOCAL, "somebody else in this process has taken the exit code", line)
        if code in self._session.probe.expect:
            return Observation(ok=True, latency=self._elapsed(), detail=line or _words(code))
        return self._fail(Cause.EXIT, _words(code), line)

    def _fail(self, cause: Cause, words: str, line: str = "") -> Observation:
        return failure(cause, self._elapsed(), f"{words}: {line}" if line else words)

    def _elapsed(self) -> float:
        return monotonic() - self._started


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    return f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)


def _words(code: int) -> str:
    """What an exit code of ``Popen`` stands for."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):  # not all real-time signals have names
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def _first_line(command: Command) -> str:
    """Of stdout, or else of stderr, as can be shown on a terminal."""
    lines = (line.strip() for text in command.texts() for line in text.splitlines())
    first = next(filter(None, lines), "")[:SHOWN]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in first)
