"""What is said of ``[nameserver] user`` before anything has changed."""

import grp
import os
from pathlib import Path

import pytest

from gslb.cli import privileges
from gslb.cli.privileges import take_user, user_warnings
from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.errors import ConfigError
from tests.config.files import Table, design, to_toml


def configured(folder: Path, **changes: Table | str) -> Configuration:
    file = folder / "gslb.toml"
    file.write_text(to_toml(design({key.replace("__", "/"): value for key, value in changes.items()})))
    return load(file, {})


def test_without_a_user_nothing_changes(tmp_path: Path) -> None:
    loaded = configured(tmp_path)
    assert not take_user(loaded)
    assert list(user_warnings(loaded)) == []


def test_a_user_that_is_in_force_already_changes_nothing(tmp_path: Path) -> None:
    assert not take_user(configured(tmp_path, nameserver__user=privileges.user_name()))


def test_another_group_than_that_of_the_user_in_force_is_refused_and_not_ignored(tmp_path: Path) -> None:
    other = next(group.gr_name for group in grp.getgrall() if group.gr_gid != os.getegid())
    loaded = configured(tmp_path, nameserver__user=privileges.user_name(), nameserver__group=other)
    with pytest.raises(ConfigError, match=f"Group={other}"):
        take_user(loaded)


@pytest.mark.parametrize(("key", "what"), [("user", "user"), ("group", "group")])
def test_a_user_that_does_not_exist_stops_the_start_and_check_tells(tmp_path: Path, key: str, what: str) -> None:
    changes = {"nameserver__user": "nobody"} | {f"nameserver__{key}": "no-such"}
    loaded = configured(tmp_path, **changes)
    with pytest.raises(ConfigError, match=f"nameserver.user: this machine has no {what} 'no-such'"):
        take_user(loaded)
    (warning,) = user_warnings(loaded)
    assert warning.key == "nameserver.user"


@pytest.mark.parametrize(("groups", "warned"), [("1\t0", True), ("0\t2147483647", False), (None, True)])
def test_probes_that_ping_are_warned_of_where_the_kernel_does_not_let_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str | None, *, warned: bool
) -> None:
    sysctl = tmp_path / "ping_group_range"
    if groups is not None:
        sysctl.write_text(f"{groups}\n")
    monkeypatch.setattr(privileges, "_PING_GROUPS", sysctl)
    icmp: Table = {"type": "icmp"}
    loaded = configured(tmp_path, nameserver__user="nobody", probes__edge=icmp)
    found = [(warning.message, warning.remedy) for warning in user_warnings(loaded)]
    assert [message for message, _ in found] == ["nobody may not ping, and so edge would fail"] * warned
    assert all("net.ipv4.ping_group_range" in remedy for _, remedy in found)
