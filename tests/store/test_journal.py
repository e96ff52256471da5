"""The journal: what is appended is read back, whatever happened to the files in between."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gslb.model.observation import ProbeResult
from gslb.store.journal import Journal, read
from gslb.store.journal_block import JournalEntry, ResultEntry, decode_blocks, encode_block
from gslb.store.segments import Limits, Segments, list_segments
from tests.store import samples
from tests.waiting import eventually

entries = st.builds(ResultEntry, samples.times, samples.results) | samples.orders


def result(number: int) -> ResultEntry:
    return ResultEntry(samples.after(number), ProbeResult(samples.KEY, float(number), samples.FINE))


def numbered(first: int, last: int) -> list[JournalEntry]:
    return [result(number) for number in range(first, last)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(folder: Path, registry: CollectorRegistry) -> Iterator[Journal]:
    made = Journal(folder, registry)
    yield made
    made.close()


@given(items=st.lists(entries, max_size=5))
def test_a_block_holds_every_kind_of_entry(items: list[JournalEntry]) -> None:
    assert list(decode_blocks(encode_block(items))) == items


@given(cut=st.integers(0, 250), noise=st.binary(max_size=30))
def test_a_torn_block_costs_itself_only(cut: int, noise: bytes) -> None:
    whole = encode_block(numbered(3, 6))
    torn = whole[:cut] + noise
    assume(not torn.startswith(whole))
    data = encode_block(numbered(0, 3)) + torn + encode_block(numbered(6, 9))
    assert list(decode_blocks(data)) == numbered(0, 3) + numbered(6, 9)


@given(data=st.data())
def test_a_flipped_bit_costs_its_block_only(data: st.DataObject) -> None:
    first, second = encode_block(numbered(0, 3)), encode_block(numbered(3, 6))
    position = data.draw(st.integers(0, len(first) * 8 - 1))
    damaged = bytearray(first)
    damaged[position // 8] ^= 1 << position % 8
    assert list(decode_blocks(bytes(damaged) + second)) == numbered(3, 6)


def test_entries_are_read_back_since_a_moment(journal: Journal, folder: Path) -> None:
    for entry in [*numbered(0, 700), samples.order(700)]:
        journal.append(entry)
    journal.close()
    assert list(read(folder, samples.AGES_AGO)) == [*numbered(0, 700), samples.order(700)]
    assert list(read(folder, samples.after(698))) == [*numbered(698, 700), samples.order(700)]


def test_entries_are_on_disk_soon(journal: Journal, folder: Path, registry: CollectorRegistry) -> None:
    journal.append(result(1))
    eventually(lambda: list(read(folder, samples.AGES_AGO)) == [result(1)])
    eventually(lambda: registry.get_sample_value("gslb_journal_bytes"))
    (segment,) = list_segments(folder)
    assert registry.get_sample_value("gslb_journal_bytes") == segment.stat().st_size


def test_a_journal_that_never_was_is_empty(folder: Path) -> None:
    assert list(read(folder, samples.AGES_AGO)) == []


def test_a_new_start_goes_on_after_a_torn_end(journal: Journal, folder: Path) -> None:
    for entry in numbered(0, 3):
        journal.append(entry)
    journal.close()
    (segment,) = list_segments(folder)
    with segment.open("ab") as file:
        file.write(encode_block(numbered(3, 6))[:-1])
    again = Journal(folder, CollectorRegistry())
    again.append(result(6))
    again.close()
    assert list(read(folder, samples.AGES_AGO)) == [*numbered(0, 3), result(6)]


def test_the_oldest_segments_go_when_all_are_too_large(folder: Path) -> None:
    block = encode_block(numbered(0, 3))
    segments = Segments(folder, Limits(segment_bytes=1, max_bytes=3 * len(block)))
    for _ in range(3):
        segments.append(block)
        assert segments.expire() <= 3 * len(block)
    oldest = list_segments(folder)[0]
    segments.append(block)
    assert segments.expire() == 3 * len(block)
    assert len(list_segments(folder)) == 3
    assert oldest not in list_segments(folder)


def test_a_segment_goes_when_its_newest_entry_is_too_old(folder: Path) -> None:
    segments = Segments(folder, Limits(segment_bytes=1, max_age=60))
    for _ in range(2):
        segments.append(encode_block(numbered(0, 3)))
    old, young = list_segments(folder)
    past = (datetime.now(UTC) - timedelta(seconds=61)).timestamp()
    os.utime(old, (past, past))
    segments.expire()
    assert list_segments(folder) == [young]


def test_a_segment_is_bounded_in_time(folder: Path) -> None:
    segments = Segments(folder, Limits(segment_age=0))
    for _ in range(2):
        segments.append(encode_block(numbered(0, 3)))
    segments.close()
    assert len(list_segments(folder)) == 2


def test_a_segment_older_than_asked_for_is_not_opened(journal: Journal, folder: Path) -> None:
    journal.append(result(0))
    journal.close()
    (segment,) = list_segments(folder)
    os.utime(segment, (0, 0))
    assert list(read(folder, samples.AGES_AGO)) == []


def test_a_folder_that_cannot_be_used_costs_entries_and_is_logged_once(
    folder: Path, journal: Journal, registry: CollectorRegistry
) -> None:
    def dropped() -> float:
        return registry.get_sample_value("gslb_journal_dropped_total") or 0.0

    folder.touch()
    with capture_logs() as logs:
        for number in range(3):
            journal.append(result(number))
            eventually(lambda wanted=number + 1: dropped() == wanted)  # type: ignore[misc]
        folder.unlink()
        journal.append(result(3))
        eventually(lambda: not journal.degraded)
    journal.close()
    assert [entry["log_level"] for entry in logs] == ["error", "warning"]
    assert list(read(folder, samples.AGES_AGO)) == [result(3)]


def test_a_full_buffer_drops_the_oldest_and_counts_it(
    folder: Path, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gslb.store.journal.FLUSH", 60.0)
    small = Journal(folder, registry, buffer=3)
    for entry in numbered(0, 5):
        small.append(entry)
    small.close()
    assert registry.get_sample_value("gslb_journal_dropped_total") == 2
    assert list(read(folder, samples.AGES_AGO)) == numbered(2, 5)


def test_an_entry_that_cannot_be_stored_costs_no_other(
    journal: Journal, folder: Path, registry: CollectorRegistry
) -> None:
    journal.append(replace(samples.order(1), reason="\udcff"))
    journal.append(result(2))
    journal.close()
    assert registry.get_sample_value("gslb_journal_dropped_total") == 1
    assert list(read(folder, samples.AGES_AGO)) == [result(2)]
