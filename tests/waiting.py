"""Free ports, and waiting for a condition in place of sleeping for a time."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from inspect import isawaitable
from typing import TypeVar

PAUSE = 0.005
"""Seconds between two looks."""

Value = TypeVar("Value")


def free_port(host: str = "127.0.0.1") -> int:
    """A port of ``host`` that is free for TCP and UDP just now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
            tcp.bind((host, 0))
            port: int = tcp.getsockname()[1]
            with suppress(OSError):
                udp.bind((host, port))
                return port


def eventually(condition: Callable[[], Value | None], within: float = 20.0) -> Value:
    """What ``condition`` returns once that is true; only a failing test waits for ``within`` seconds."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(PAUSE)
    return value


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Wait until what ``condition`` returns, or what that gives when awaited, is true."""
    async with asyncio.timeout(within):
        while not (await value if isawaitable(value := condition()) else value):  # noqa: ASYNC110  outside of this loop, or many things
            await asyncio.sleep(PAUSE)
