"""The timeline: what is appended is read back, and no trouble with the disk breaks the chain."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gslb.model.incident import Entry, Lost
from gslb.model.record import DoubtRecord, HistoryRecord, OrderRecord
from gslb.store import timeline_line
from gslb.store.timeline import Timeline, read
from gslb.store.timeline_chain import Limits
from gslb.store.timeline_files import contents, list_segments, newest_before
from gslb.store.timeline_line import KINDS, ORIGIN, Damaged, Removed, Torn, decode_line, encode_line, unfinished
from gslb.store.timeline_verify import Verified, verify
from tests.store.timelines import (
    AGES_AGO,
    NOON,
    doubt,
    items,
    items_of,
    last_verified,
    numbered,
    one_of_each,
    records,
    transition,
    written,
)
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.store.timeline.GATHER", 0.001)
    monkeypatch.setattr("gslb.store.timeline.FIRST_RETRY", 0.01)
    monkeypatch.setattr("gslb.store.timeline.LAST_RETRY", 0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "timeline"


def test_every_kind_of_history_is_read_back(folder: Path) -> None:
    assert {type(record) for record in one_of_each()} == set(get_args(HistoryRecord)) <= set(KINDS.values())
    written(folder, one_of_each())
    assert list(read(folder, AGES_AGO)) == [Entry(n, record) for n, record in enumerate(one_of_each(), 1)]


@given(reason=st.text(), author=st.text())
def test_any_text_is_one_line_and_read_back(reason: str, author: str) -> None:
    record = OrderRecord(NOON, "out", "x", author, reason)
    try:
        line, head = encode_line(record, ORIGIN, NOON)
    except ValueError:
        assert any("\ud800" <= char <= "\udfff" for char in reason + author)
        return
    assert line.count(b"\n") == 1
    link = decode_line(line)
    assert (link.item, link.hash, link.previous, link.written_utc) == (record, head.hash, ORIGIN.hash, NOON)


def test_what_is_appended_is_on_disk_soon(folder: Path) -> None:
    timeline = Timeline(folder, CollectorRegistry())
    timeline.append(doubt(1))
    eventually(lambda: records(folder) == [doubt(1)])
    eventually(lambda: timeline.head is not None and timeline.head.sequence == 1)
    assert timeline.close()
    assert verify(folder) == Verified(1, timeline.head or ORIGIN)


def test_a_start_goes_on_where_the_last_run_was(folder: Path) -> None:
    for number in range(3):
        written(folder, [doubt(number)])
    assert records(folder) == numbered(0, 3)
    assert last_verified(folder) == 3
    assert len(list_segments(folder)) == 1


def test_full_segments_are_followed_by_new_ones(folder: Path) -> None:
    for number in range(4):
        written(folder, [doubt(number)], Limits(segment_bytes=400))
    assert len(list_segments(folder)) == 2
    assert records(folder) == numbered(0, 4)


def test_reading_begins_at_a_moment(folder: Path) -> None:
    for number in range(3):
        written(folder, [doubt(number)], Limits(segment_bytes=1))
    third = decode_line(list_segments(folder)[2].read_bytes()).written_utc
    assert records(folder, third) == [doubt(2)]
    assert records(folder, third + timedelta(microseconds=1)) == []


def test_reading_leaves_out_what_is_damaged_or_not_known(folder: Path) -> None:
    written(folder, numbered(1, 5))
    (path,) = list_segments(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"reason", b"season")
    path.write_bytes(b"".join(lines) + b"x\n\n")
    assert records(folder) == [doubt(1), doubt(3), doubt(4)]


def test_a_kind_of_a_newer_version_is_passed_over_and_verified(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(timeline_line.NAMES, DoubtRecord, "omen")
    written(folder, [doubt(1), transition(2)])
    assert records(folder) == [transition(2)]
    assert last_verified(folder) == 2


def test_a_full_buffer_loses_the_oldest_counts_it_and_says_so(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.touch()
    registry = CollectorRegistry()
    timeline = Timeline(folder, registry, buffer=3)
    eventually(lambda: timeline.degraded)
    for number in range(5):
        timeline.append(doubt(number))
    folder.unlink()
    assert timeline.close()
    assert registry.get_sample_value("gslb_timeline_dropped_total") == 2
    lost, *rest = records(folder)
    assert isinstance(lost, Lost)
    assert lost.records == 2
    assert rest == numbered(2, 5)
    assert last_verified(folder) == 4


def test_a_folder_that_cannot_be_used_is_logged_once_and_loses_nothing(folder: Path) -> None:
    folder.touch()
    registry = CollectorRegistry()
    with capture_logs() as logs:
        timeline = Timeline(folder, registry)
        timeline.append(doubt(1))
        eventually(lambda: timeline.degraded)
        assert timeline.head is None
        assert registry.get_sample_value("gslb_timeline_degraded") == 1
        folder.unlink()
        eventually(lambda: records(folder) == [doubt(1)])
        eventually(lambda: not timeline.degraded)
        assert timeline.close()
    assert [entry["log_level"] for entry in logs] == ["error", "warning"]


@pytest.mark.parametrize(
    "bad",
    [replace(doubt(1), reason="\udcff"), replace(doubt(1), at_utc=NOON.replace(tzinfo=None))],
    ids=["text", "zone"],
)
def test_a_record_that_cannot_be_stored_costs_no_other(folder: Path, bad: DoubtRecord) -> None:
    registry = CollectorRegistry()
    timeline = Timeline(folder, registry)
    for record in (doubt(0), bad, doubt(2)):
        timeline.append(record)
    assert timeline.close()
    first, lost, last = records(folder)
    assert (first, last) == (doubt(0), doubt(2))
    assert isinstance(lost, Lost)
    assert registry.get_sample_value("gslb_timeline_dropped_total") == 1
    assert last_verified(folder) == 3


def test_a_value_of_no_known_kind_cannot_be_stored() -> None:
    with pytest.raises(ValueError, match="cannot be encoded"):
        encode_line(object(), ORIGIN, NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["removed", "replaced", "added to", "cut off"])
def test_a_segment_that_somebody_laid_hands_on_gets_no_more_entries(folder: Path, what: str) -> None:
    timeline = Timeline(folder, CollectorRegistry())
    timeline.append(doubt(1))
    eventually(lambda: timeline.head is not None and timeline.head.sequence == 1)
    (path,) = list_segments(folder)
    data = path.read_bytes()
    path.unlink() if what in ("removed", "replaced") else None
    if what != "removed":
        path.write_bytes(data[:-1] if what == "cut off" else data + b"x" * (what == "added to"))
    timeline.append(doubt(2))
    assert timeline.close()
    assert doubt(2) in records(folder)
    assert (folder / f"{2:016}.jsonl") in list_segments(folder)
    assert isinstance(verify(folder), Verified) == (what == "replaced")


def test_segments_older_than_asked_for_are_removed_and_an_entry_says_so(folder: Path) -> None:
    for number in range(1, 4):
        written(folder, [doubt(number)], Limits(segment_bytes=1))
    begun = [decode_line(path.read_bytes()) for path in list_segments(folder)]
    registry = CollectorRegistry()
    timeline = Timeline(folder, registry, Limits(segment_bytes=1))
    timeline.retain(begun[1].written_utc)
    eventually(lambda: items(folder) == [doubt(2), doubt(3), Removed(1, begun[0].hash)])
    timeline.append(doubt(4))
    eventually(lambda: doubt(4) in records(folder))
    timeline.retain(datetime.now(UTC))
    eventually(lambda: len(items(folder)) == 2)
    assert timeline.close()
    first, _ = list_segments(folder)
    assert items(folder) == [doubt(4), Removed(4, decode_line(first.read_bytes()).previous)]
    assert last_verified(folder) == 6
    assert registry.get_sample_value("gslb_timeline_bytes") == sum(map(os.path.getsize, list_segments(folder)))


def test_the_last_segment_is_never_removed(folder: Path) -> None:
    written(folder, [doubt(1)])
    timeline = Timeline(folder, CollectorRegistry())
    timeline.retain(datetime.now(UTC) + timedelta(days=1))
    assert timeline.close()
    assert records(folder) == [doubt(1)]


def test_damaged_segments_are_removed_too_when_their_time_has_come(folder: Path) -> None:
    for number in range(1, 4):
        written(folder, [doubt(number)], Limits(segment_bytes=1))
    second = list_segments(folder)[1]
    second.write_bytes(b"x\n")
    os.utime(second, (0, 0))
    timeline = Timeline(folder, CollectorRegistry(), Limits(segment_bytes=1))
    timeline.retain(AGES_AGO)
    assert timeline.close()
    assert second in list_segments(folder)
    assert len(list_segments(folder)) == 3


WRITER = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from gslb.store import timeline as module
from tests.store.timelines import doubt
module.GATHER = 0.0
timeline = module.Timeline(Path(sys.argv[1]), CollectorRegistry(), module.Limits(segment_bytes=20_000))
number = 0
while True:
    timeline.append(doubt(number))
    number += 1
    while len(timeline._waiting) > 20:
        module.Event().wait(0.001)
"""


def reached(folder: Path) -> int:
    return last_verified(folder) if folder.exists() else 0


def test_a_killed_writer_leaves_a_chain_that_verifies_and_the_next_start_goes_on(folder: Path) -> None:
    for _ in range(3):
        before = reached(folder)
        with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)]) as process:
            try:
                eventually(lambda wanted=before + 100: reached(folder) > wanted, within=40)  # type: ignore[misc]
            finally:
                process.kill()
        written(folder, [doubt(0)])
        assert last_verified(folder) > before + 101


FULL = """
import resource, sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from gslb.store import timeline as module
from gslb.store.timeline_verify import Verified, verify
from tests.store.timelines import AGES_AGO, doubt, records
from tests.waiting import eventually
module.GATHER, module.FIRST_RETRY, module.LAST_RETRY = 0.001, 0.01, 0.02
folder = Path(sys.argv[1])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
timeline = module.Timeline(folder, CollectorRegistry())
count = 0
def full():
    global count
    for _ in range(20):
        timeline.append(doubt(count))
        count += 1
    return timeline.degraded
eventually(full)
assert isinstance(verify(folder), Verified), verify(folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
eventually(lambda: not timeline.degraded)
assert timeline.close()
assert records(folder) == [doubt(number) for number in range(count)]
found = verify(folder)
assert isinstance(found, Verified) and found.head.sequence == count and not found.torn, found
"""


def test_a_full_disk_is_outlived_and_costs_nothing(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL, str(folder)], check=True, timeout=50)


def tear(folder: Path, text: bytes) -> None:
    with list_segments(folder)[-1].open("ab") as file:
        file.write(text)


def test_an_unfinished_line_is_cut_off_at_the_next_start_which_says_so(folder: Path) -> None:
    written(folder, [doubt(1)])
    tear(folder, b'{"sequence":2,"wri')
    with capture_logs() as logs:
        written(folder, [doubt(2)])
    assert [entry["octets"] for entry in logs] == [18]
    assert items(folder) == [doubt(1), Torn(18), doubt(2)]
    assert last_verified(folder) == 3


def test_every_kind_of_line_may_be_unfinished_anywhere() -> None:
    for item in [*one_of_each(), Lost(NOON, 1), Torn(1), Removed(1, "0" * 64), Damaged("x")]:
        line, _ = encode_line(item, ORIGIN, NOON)
        assert all(unfinished(line[:length]) for length in range(1, len(line)))
        assert not unfinished(line[:-1] + b"x")


def test_segments_that_go_before_their_turn_are_passed_over(folder: Path) -> None:
    for number in range(1, 3):
        written(folder, [doubt(number)], Limits(segment_bytes=1))
    first, second = list_segments(folder)
    first.unlink()
    assert [path for path, _ in contents(folder, first)] == [second]
    assert newest_before([first, second], datetime.now(UTC)) == second


@pytest.mark.parametrize("torn", [b"", b'{"sequence":2,"wri'])
def test_a_segment_that_was_just_begun_when_the_crash_came_is_begun_anew(folder: Path, torn: bytes) -> None:
    written(folder, [doubt(1)], Limits(segment_bytes=1))
    (folder / f"{2:016}.jsonl").write_bytes(torn)
    written(folder, [doubt(2)], Limits(segment_bytes=1))
    assert items(folder) == [doubt(1), *([Torn(len(torn))] if torn else []), doubt(2)]
    assert isinstance(verify(folder), Verified)


def test_the_very_first_segment_may_be_unfinished_too(folder: Path) -> None:
    written(folder, [])
    (folder / f"{1:016}.jsonl").write_bytes(b"{")
    written(folder, [doubt(1)])
    assert items(folder) == [Torn(1), doubt(1)]
    assert isinstance(verify(folder), Verified)


LINES: dict[str, Callable[[bytes], bytes]] = {
    "last line removed": lambda data: b"".join(data.splitlines(keepends=True)[:-1]),
    "line feed removed": lambda data: data[:-1],
    "line feed changed": lambda data: data[:-1] + b"x",
    "last line changed": lambda data: data.replace(b"reason 3", b"reason 4"),
    "all lines removed": lambda _: b"",
}
HEADS: dict[str, Callable[[bytes], bytes]] = {
    "head changed": lambda data: data.replace(b"3", b"4", 1),
    "head broken": lambda _: b"{",
    "head and segment broken": lambda _: b"{",
}


def damage(folder: Path, how: str) -> None:
    (path,), head = list_segments(folder), folder / "head.json"
    if how in LINES:
        path.write_bytes(LINES[how](path.read_bytes()))
    if how in HEADS:
        head.write_bytes(HEADS[how](head.read_bytes()))
    if how == "head removed":
        head.unlink()
    if how == "segment removed":
        path.unlink()
    if how == "head and segment broken":
        path.write_bytes(b"x")


@pytest.mark.parametrize("how", [*LINES, *HEADS, "head removed", "segment removed"])
def test_a_start_does_not_launder_damage_and_goes_on_all_the_same(folder: Path, how: str) -> None:
    written(folder, numbered(1, 4))
    damage(folder, how)
    assert not isinstance(verify(folder), Verified)
    with capture_logs() as logs:
        written(folder, [doubt(5)])
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert not isinstance(verify(folder), Verified)
    assert records(folder)[-1] == doubt(5)
    assert any(isinstance(item, Damaged) for item in items_of(list_segments(folder)[-1]))
    with capture_logs() as logs:
        written(folder, [doubt(6)])
    assert logs == [], "it is said once"
    assert records(folder)[-1] == doubt(6)


def test_it_can_be_closed_while_it_cannot_be_written(folder: Path) -> None:
    folder.touch()
    timeline = Timeline(folder, CollectorRegistry())
    timeline.append(doubt(1))
    eventually(lambda: timeline.degraded)
    assert timeline.close()
    assert folder.is_file()
