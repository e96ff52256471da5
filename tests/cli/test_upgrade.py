"""What ``gslb upgrade`` makes of what the supervisor tells."""

import os
from pathlib import Path

import pytest

from gslb.cli.upgrade import _after, _report
from gslb.errors import DaemonError
from gslb.supervisor.lockfile import Holder, hold_lock
from gslb.supervisor.renewal import Renewal

NAMES = ("nameserver-0", "control")


def holders(first: int, code: str = "1+a") -> dict[str, Holder]:
    return {name: Holder(first + number, 1, ("python", f"--code={code}")) for number, name in enumerate(NAMES)}


@pytest.mark.parametrize(
    ("news", "there", "said"),
    [
        (None, NAMES, "not all processes have been replaced in time"),
        (Renewal(refused="no such module"), NAMES, "goes on as it was: no such module"),
        (Renewal(done=True, names=NAMES, stayed=NAMES[:1]), NAMES, "nameserver-0: could not be replaced"),
        (Renewal(done=True, names=NAMES, crashed=NAMES[1:]), NAMES[:1], "control: has crashed"),
        (Renewal(done=True, names=NAMES), NAMES[:1], "control: does not run"),
    ],
)
def test_it_fails_unless_all_were_replaced_and_live(news: Renewal | None, there: tuple[str, ...], said: str) -> None:
    after = {name: holder for name, holder in holders(20).items() if name in there}
    with pytest.raises(DaemonError, match=said):
        _report(news, holders(10), after)


def test_several_faults_are_told_together() -> None:
    with pytest.raises(DaemonError) as raised:
        _report(Renewal(done=True, names=NAMES, stayed=NAMES[1:], crashed=NAMES[:1]), holders(10), holders(20))
    assert "control: could not be replaced" in str(raised.value)
    assert "nameserver-0: has crashed" in str(raised.value)


def test_it_names_the_code_that_the_workers_are(capsys: pytest.CaptureFixture[str]) -> None:
    _report(Renewal(done=True, names=NAMES), holders(10), holders(10, "2+b"))
    assert capsys.readouterr().out.splitlines() == [
        "nameserver-0: stays (process 10)",
        "control: stays (process 11)",
        "upgraded to 2+b",
    ]


def test_a_worker_that_is_not_wanted_any_more_is_not_waited_for(tmp_path: Path) -> None:
    with hold_lock(tmp_path / "control.lock", ["control"]):
        assert {name: it.pid for name, it in _after(tmp_path, ["control"]).items()} == {"control": os.getpid()}
