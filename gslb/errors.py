"""The error tree of gslb. Every error that a person can act on says where the fault lies and what to do.

GslbError
├── ConfigError      the configuration cannot be used; carries every Problem found
├── StateError       the state database or its folder cannot be used
├── ListenError      an address cannot be bound
├── SnapshotError    a nameserver snapshot is damaged or of an unknown form
├── PluginError      a named plug-in cannot be loaded
├── RefusedError     an action would break a safety rule
├── DaemonError      the running daemon cannot be reached, or answered with an error
├── AlreadyRunningError           (gslb.supervisor.lockfile) a lock is held by a live process
├── SuccessionError               (gslb.nameserver.succession) another process does not hand over its place
├── NoTargetError                 (gslb.control.runner) there is no address to probe
├── BrokenError                   (probes.net.connection) a probe raised where it must not
├── ResponseError, Http2Error     (probes.net.http1, probes.net.http2) there is no response to judge
├── DatabaseError                 (gslb.geo.database) a geo database cannot be used
├── AnswerError                   (probes.grpc) a gRPC answer that is none, or does not pass
├── RefusalError, CutShortError   (gslb.gateway.refusal) what a client of the gateway is told
└── DemoError, BlackholeError     (gslb.cli.demo) the demo cannot do what it was asked
"""

from dataclasses import dataclass


class GslbError(Exception):
    """Root of all errors raised by gslb."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in the configuration.

    Attributes:
        file: the file the fault is in, as the user named it.
        key: dotted path of the key, or "" where the file as a whole is at fault.
        message: what is wrong.
        remedy: what to do about it.
        line: line in the file, where known.
    """

    file: str
    key: str
    message: str
    remedy: str = ""
    line: int | None = None

    def __str__(self) -> str:
        """``file:line: key: message. remedy``."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        text = ": ".join(part for part in (place, self.key, self.message) if part)
        return f"{text}\n    {self.remedy}" if self.remedy else text


class ConfigError(GslbError):
    """The configuration cannot be used. ``problems`` holds every fault found, in the order of the file."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class StateError(GslbError):
    """The state database or its folder cannot be used."""

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        self.path, self.reason, self.remedy = path, reason, remedy
        super().__init__(f"{path}: {reason}\n    {remedy}")


class ListenError(GslbError):
    """An address cannot be bound. ``key`` is the configuration key that named it."""

    def __init__(self, address: str, key: str, reason: str, remedy: str) -> None:
        self.address, self.key, self.reason, self.remedy = address, key, reason, remedy
        super().__init__(f"{key}: cannot listen on {address}: {reason}\n    {remedy}")


class SnapshotError(GslbError):
    """A nameserver snapshot is damaged or of an unknown form."""


class PluginError(GslbError):
    """A named plug-in cannot be loaded. ``known`` lists the names that can."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...], reason: str = "") -> None:
        self.kind, self.name, self.known, self.reason = kind, name, known, reason
        super().__init__(f"{kind} {name!r}: {reason or 'no such ' + kind}; known: {', '.join(known)}")


class RefusedError(GslbError):
    """An action would break a safety rule. ``rule`` names it, ``remedy`` says how to go on."""

    def __init__(self, rule: str, message: str, remedy: str) -> None:
        self.rule, self.remedy = rule, remedy
        super().__init__(f"{message}\n    {remedy}")


class DaemonError(GslbError):
    """The running daemon cannot be reached, or answered with an error. ``status`` is that of HTTP, if it answered."""

    def __init__(self, message: str, remedy: str = "", status: int | None = None) -> None:
        self.remedy, self.status = remedy, status
        super().__init__(f"{message}\n    {remedy}" if remedy else message)
