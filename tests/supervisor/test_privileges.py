"""Users and capabilities of real processes. Only root can change its user, so most of this needs root."""

import os
import subprocess
import sys

import pytest

from gslb.supervisor.privileges import find_account

NOBODY = "nobody"
BIND = 1 << 10
SCRIPT = """
import os, socket, subprocess  # all that is needed later: the new user may not be able to read modules
from gslb.supervisor.privileges import *
def show(path="/proc/self/status"):
    print(open(path).read(), flush=True)
def started():
    subprocess.run(["cat", "/proc/self/status"], check=True)
def bind(port):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))
account = find_account("nobody")
"""

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def run(code: str) -> list[dict[str, str]]:
    """The statuses that ``code`` shows, each by key."""
    done = subprocess.run([sys.executable, "-c", SCRIPT + code], capture_output=True, text=True, check=True)
    return [
        {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
        for text in done.stdout.split("Name:")[1:]
    ]


def capabilities(status: dict[str, str], *sets: str) -> list[int]:
    return [int(status[f"Cap{name}"], 16) for name in sets or ("Inh", "Prm", "Eff", "Amb")]


@root
def test_it_becomes_the_user_for_good_and_keeps_what_it_is_told_to_also_in_programs() -> None:
    account = find_account(NOBODY)
    for status in run("become(account, [CAP_NET_BIND_SERVICE]); bind(81); show(); started()"):
        assert status["Uid"].split() == [str(account.uid)] * 4
        assert status["Gid"].split() == [str(account.gid)] * 4
        assert [int(group) for group in status["Groups"].split()] == sorted(account.groups)
        assert capabilities(status) == [BIND] * 4


@root
def test_without_anything_to_keep_nothing_is_left() -> None:
    for status in run("become(account); show(); started()"):
        assert capabilities(status) == [0] * 4


@root
def test_a_capability_that_it_does_not_have_is_not_kept() -> None:
    (status,) = run("give_up(10); become(account, [10]); show()")
    assert capabilities(status) == [0] * 4


@root
def test_what_is_withheld_is_kept_from_programs_only() -> None:
    own, program = run("become(account, [10]); withhold(10); bind(82); show(); started()")
    assert capabilities(own, "Prm", "Eff", "Amb") == [BIND, BIND, 0]
    assert capabilities(program, "Prm", "Eff", "Amb") == [0, 0, 0]


@root
def test_one_capability_is_given_up_and_the_others_stay() -> None:
    before, after = run("show(); give_up(10); show()")
    assert capabilities(after, "Eff") == [capabilities(before, "Eff")[0] & ~BIND]


@root
@pytest.mark.parametrize("code", ["give_up_all()", "give_up(10)"])
def test_what_was_given_up_does_not_come_back(code: str) -> None:
    (status,) = run(f"""
become(account, [10])
{code}
try:
    bind(83)
except PermissionError:
    show()
""")
    assert capabilities(status) == [0] * 4


def test_anybody_can_forbid_new_privileges() -> None:
    (status,) = run("forbid_new_privileges(); show()")
    assert status["NoNewPrivs"] == "1"


def test_an_account_has_its_own_group_or_the_given_one_among_its_groups() -> None:
    plain, other = find_account(NOBODY), find_account(NOBODY, "daemon")
    assert plain.gid in plain.groups
    assert other.gid in other.groups
    assert (plain.uid, plain.gid != other.gid) == (other.uid, True)


@pytest.mark.parametrize(("names", "missing"), [(("no-such-user",), "user"), ((NOBODY, "no-such-group"), "group")])
def test_what_this_machine_does_not_have_is_named(names: tuple[str, ...], missing: str) -> None:
    with pytest.raises(LookupError, match=f"no {missing} 'no-such-{missing}'"):
        find_account(*names)
