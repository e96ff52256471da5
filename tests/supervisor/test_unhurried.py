from __future__ import annotations

import os
import threading

import pytest

from gslb.supervisor.unhurried import NICE, unhurried


def nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_work_is_done_at_low_priority_and_what_comes_after_it_is_not() -> None:
    before = nice()
    assert unhurried(nice) == before + NICE
    assert nice() == before
    after: list[int] = []
    thread = threading.Thread(target=lambda: after.append(nice()))
    thread.start()
    thread.join()
    assert after == [before]


def test_what_it_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        unhurried(lambda: 1 // 0)
