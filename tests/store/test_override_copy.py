"""The copy of the orders in force: read back as written, by later versions too; damage costs as little as possible."""

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gslb.model.override import Kind
from gslb.model.record import OverrideRecord
from gslb.store.override_copy import Copied, OverrideCopy
from gslb.store.store import Store, open_store
from tests.store import samples
from tests.waiting import eventually

FORMER = {
    "target": "istanbul",
    "author": "ayse",
    "reason": "kernel update",
    "created_utc": "2026-05-01T12:00:00Z",
    "expires_utc": "2026-05-01T13:00:00Z",
}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return tmp_path / "gslb.overrides.json"


def entry(order: OverrideRecord, **changes: object) -> dict[str, object]:
    plain = msgspec.to_builtins(order)
    assert isinstance(plain, dict)
    return plain | changes


def write_by_hand(copied: Path, entries: Iterable[object]) -> None:
    copied.write_text(json.dumps(list(entries)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders=st.lists(samples.overrides, max_size=3).map(tuple))
def test_orders_of_every_kind_are_read_back_in_order(copied: Path, orders: tuple[OverrideRecord, ...]) -> None:
    OverrideCopy(copied).write(orders)
    assert OverrideCopy(copied).read() == Copied(orders, complete=True)


def test_what_was_never_written_is_not_complete(copied: Path) -> None:
    with capture_logs() as logs:
        assert OverrideCopy(copied).read() == Copied((), complete=False)
    assert logs == []


def test_a_copy_of_when_there_was_one_kind_has_drains_that_are_over(copied: Path) -> None:
    write_by_hand(
        copied, [FORMER, entry(samples.override(Kind.TTL)), FORMER | {"target": "ankara", "expires_utc": None}]
    )
    former = samples.former_order()
    expected = (former, samples.override(Kind.TTL), replace(former, target="ankara", expires_utc=None))
    assert OverrideCopy(copied).read() == Copied(expected, complete=True)


@pytest.mark.parametrize(
    "bad",
    [
        entry(samples.override(), kind="teleport"),
        entry(samples.override(), created_utc="2026-05-01T12:00:00"),
        entry(samples.override(), value="twenty"),
        {name: content for name, content in FORMER.items() if name != "created_utc"},
        {},
        "drain istanbul",
        None,
    ],
)
def test_an_entry_that_cannot_be_read_costs_itself_only_and_is_told(copied: Path, bad: object) -> None:
    write_by_hand(copied, [entry(samples.override()), bad, entry(samples.override(Kind.TTL))])
    with capture_logs() as logs:
        found = OverrideCopy(copied).read()
    assert found == Copied((samples.override(), samples.override(Kind.TTL)), complete=False)
    (told,) = logs
    assert (told["log_level"], json.loads(told["order"])) == ("error", bad)


def test_text_that_is_not_unicode_costs_its_entry_only(copied: Path) -> None:
    whole = msgspec.json.encode(samples.override())
    copied.write_bytes(b"[" + whole.replace(b"ayse", b"ay\xff") + b"," + whole + b"]")
    with capture_logs() as logs:
        assert OverrideCopy(copied).read() == Copied((samples.override(),), complete=False)
    assert "ay�" in logs[0]["order"]


def test_an_order_that_could_not_be_read_back_is_left_out_and_told(copied: Path) -> None:
    naive = datetime(2026, 5, 1)  # noqa: DTZ001  that is the point
    orders = (replace(samples.override(), reason="\udcff"), replace(samples.override(), created_utc=naive))
    with capture_logs() as logs:
        OverrideCopy(copied).write([*orders, samples.override(Kind.TTL)])
    assert [told["log_level"] for told in logs] == ["error", "error"]
    assert OverrideCopy(copied).read() == Copied((samples.override(Kind.TTL),), complete=True)


def test_orders_that_are_only_saved_anew_are_not_written_again(copied: Path) -> None:
    copy, order = OverrideCopy(copied), samples.override()
    copy.write([order])
    first = copied.stat().st_ino
    copy.write([replace(order, saved_utc=samples.after(9), saved_at=21.0)])
    assert copied.stat().st_ino == first
    assert copy.read().items == (order,)
    copy.write([replace(order, reason="still at it")])
    assert copy.read().items[0].reason == "still at it"


def test_a_copy_that_cannot_be_written_is_told_once_and_written_when_it_can(tmp_path: Path) -> None:
    copied = tmp_path / "later" / "gslb.overrides.json"
    copy = OverrideCopy(copied)
    with capture_logs() as logs:
        copy.write([samples.override()])
        copy.write([samples.override()])
        copied.parent.mkdir()
        copy.write([samples.override()])
    assert [told["log_level"] for told in logs] == ["error", "warning"]
    assert copy.read() == Copied((samples.override(),), complete=True)


def test_what_a_damaged_copy_lacks_is_taken_from_the_database(store: Store, file: Path) -> None:
    first, second = samples.override(), samples.override(Kind.TTL)
    store.save_overrides([first, second])
    eventually(lambda: not len(store._pending))
    store.close()
    third = samples.override(Kind.FREEZE)
    newer = replace(second, value=10)
    write_by_hand(file.with_suffix(".overrides.json"), ["damaged", entry(newer), entry(third)])
    again = open_store(file, CollectorRegistry())
    assert again.load_state().overrides == (first, newer, third)
    again.close()


def block(copied: Path) -> Path:
    """Nothing can be written beside ``copied`` until what is returned is removed."""
    obstacle = copied.with_name(f"{copied.name}.new")
    obstacle.mkdir()
    return obstacle


def test_whether_the_copy_is_written_is_said(copied: Path) -> None:
    copy = OverrideCopy(copied)
    assert copy.write([samples.override()])
    assert copy.write([samples.override()])
    obstacle = block(copied)
    assert not copy.write([])
    assert not copy.write([])
    assert copy.read().items == (samples.override(),)
    obstacle.rmdir()
    assert copy.write([])
    assert copy.read() == Copied((), complete=True)


def test_a_stale_copy_is_removed_on_request_and_one_that_holds_is_not(copied: Path) -> None:
    copy = OverrideCopy(copied)
    copy.write([samples.override()])
    copy.remove_stale()
    assert copied.exists()
    obstacle = block(copied)
    copy.write([])
    copy.remove_stale()
    copy.remove_stale()
    assert not copied.exists()
    obstacle.rmdir()
    assert copy.write([samples.override()])
    assert OverrideCopy(copied).read().items == (samples.override(),)


def test_a_stale_copy_that_cannot_be_removed_is_told(copied: Path) -> None:
    copy = OverrideCopy(copied)
    copied.mkdir()
    with capture_logs() as logs:
        assert not copy.write([])
        copy.remove_stale()
    assert [told["log_level"] for told in logs] == ["error", "error"]


def test_the_folder_is_on_disk_as_well_before_an_order_counts_as_written(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, fsync = list[bool](), os.fsync

    def watch(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", watch)
    OverrideCopy(copied).write([samples.override()])
    assert synced == [False, True]


def test_a_lifted_order_does_not_come_back_because_the_disk_was_full(store: Store, file: Path) -> None:
    copied = file.with_suffix(".overrides.json")
    assert store.save_overrides([samples.override()])
    eventually(lambda: not len(store._pending))
    block(copied)
    assert not store.save_overrides([])
    assert (store.durable, store.degraded) == (False, True)
    eventually(lambda: store._pending.whole(OverrideRecord) is None)
    again = open_store(file, CollectorRegistry())
    assert again.load_state().overrides == ()
    again.close()


def test_a_stale_copy_stays_as_long_as_the_database_knows_no_better(store: Store, file: Path) -> None:
    copied = file.with_suffix(".overrides.json")
    obstacle = block(copied)
    write_by_hand(copied, [entry(samples.override())])
    assert not store.save_overrides([samples.override()])
    assert copied.exists()
    eventually(lambda: not len(store._pending))
    assert not store.save_overrides([samples.override()])
    assert not copied.exists()
    obstacle.rmdir()
    assert store.save_overrides([samples.override()])
    assert (store.durable, store.degraded) == (True, False)
