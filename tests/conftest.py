"""What several folders of tests share."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop
from hypothesis import settings

from tests.nameserver.support import Server, running
from tests.virtualtime import VIRTUAL

# Slow and shared machines. Where a change is judged (CI), the same examples each time: new ones are for those who work.
settings.register_profile("gslb", max_examples=50, deadline=None, derandomize="CI" in os.environ)
settings.load_profile("gslb")

Loops = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

_ASYNCIO: Loops = {"asyncio": asyncio.new_event_loop}
_UVLOOP: Loops = {"uvloop": uvloop.new_event_loop}
_BOTH = {**_ASYNCIO, **_UVLOOP}
_LOOPS = {
    "gateway": _BOTH,  # may run on either
    "probes": _BOTH,
    "test_monitor.py": _BOTH,  # timed by the loop
    "control": _UVLOOP,  # what it runs on for real
    "api": _UVLOOP,
    "writing": VIRTUAL,
    "test_adopting.py": VIRTUAL,
    "test_planning.py": VIRTUAL,
    "test_throttle.py": VIRTUAL,
    "test_witness.py": _BOTH,  # asks over the network
    "test_opening.py": _BOTH,  # has threads
}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Loops:
    """By file or folder."""
    return _LOOPS.get(item.path.name) or _LOOPS.get(item.path.parent.name, _ASYNCIO)


@pytest.fixture(scope="session")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One nameserver process that waits for its first snapshot."""
    with running(tmp_path_factory.mktemp("nameserver"), snapshot=None) as server:
        yield server
