"""A nameserver process that falters at one point of a hand-over: ``faltering.py POINT ACTION ...``.

ACTION is a signal that it gets, or RAISE: an error. What follows is what ``gslb.cli.nameserver`` takes. Points of a
successor: asking, given, reading, answering, left, named, taken, alone. Points of a predecessor: frozen, sent, rested,
displaced, finished.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from gslb.cli import nameserver
from gslb.nameserver import answering, handover, listen, process, protocol, succession, udp
from gslb.supervisor.lockfile import LockFile

POINT, ACTION = sys.argv[1:3]
del sys.argv[1:3]
_ended = False
threading.excepthook = print


def falter(point: str) -> None:
    global _ended  # noqa: PLW0603  once, also where the point is passed again
    if point == POINT and not _ended:
        _ended = True
        if ACTION == "RAISE":
            raise OSError("faltering")
        os.kill(os.getpid(), signal.Signals[ACTION])
        time.sleep(
            0.02 if ACTION == "SIGTERM" else 60
        )  # the signal may be another thread's to take, and this one would go on until that has


def before(owner: Any, name: str, point: str, when: Callable[..., bool] = lambda *_: True) -> None:
    whole = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if when(*arguments):
            falter(point)
        return whole(*arguments, **named)

    setattr(owner, name, wrapped)


def after(owner: Any, name: str, point: str, when: Callable[..., bool] = lambda *_: True) -> None:
    whole = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        result = whole(*arguments, **named)
        if when(*arguments):
            falter(point)
        return result

    setattr(owner, name, wrapped)


def after_await(owner: Any, name: str, point: str) -> None:
    whole = getattr(owner, name)

    async def wrapped(*arguments: Any, **named: Any) -> Any:
        result = await whole(*arguments, **named)
        falter(point)
        return result

    setattr(owner, name, wrapped)


def sends(kind: type) -> Callable[..., bool]:
    return lambda *arguments: isinstance(arguments[1], kind)


after(succession._Line, "send", "asking", sends(protocol.TakeOver))
after(process, "succeed", "given")
before(udp, "Batch", "reading")
before(succession._Line, "send", "answering", sends(protocol.Leave))
after(succession.Succession, "displace", "left")
after(LockFile, "name", "named")
after(succession._Line, "send", "taken", sends(protocol.Taken))
before(listen.ControlSocket, "show", "alone")
before(handover, "_flushed", "frozen")
after(handover, "send_descriptors", "sent")
after_await(process._Worker, "rest", "rested")
before(process._Worker, "leave", "displaced")
after_await(answering.Answering, "finish", "finished")

sys.exit(nameserver.main())
