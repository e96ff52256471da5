"""Verification of a timeline: it finds whatever was done to the files, at that entry, and nothing in an honest one."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gslb.model.record import DoubtRecord, HistoryRecord
from gslb.store.timeline import Timeline
from gslb.store.timeline_chain import Limits
from gslb.store.timeline_files import begun, contents, list_segments
from gslb.store.timeline_line import Damaged, Head, Removed, decode_line, encode_line
from gslb.store.timeline_verify import Broken, Verified, verify
from tests.store.timelines import doubt, items, items_of, numbered, transition, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A timeline of five entries in one segment."""
    return written(tmp_path / "timeline", [*numbered(1, 4), transition(4), doubt(5)])


def segment(folder: Path) -> Path:
    (path,) = list_segments(folder)
    return path


def lines(folder: Path) -> list[bytes]:
    return segment(folder).read_bytes().splitlines(keepends=True)


def broken(folder: Path) -> Broken:
    found = verify(folder)
    assert isinstance(found, Broken), found
    return found


def whole(folder: Path) -> Verified:
    found = verify(folder)
    assert isinstance(found, Verified), found
    return found


def test_an_honest_timeline_is_verified(folder: Path) -> None:
    found = whole(folder)
    assert (found.first, found.head.sequence, found.torn) == (1, 5, False)
    assert found.head.hash == json.loads(lines(folder)[-1])["hash"]


def test_a_timeline_that_never_was_has_nothing_wrong(tmp_path: Path) -> None:
    assert whole(tmp_path / "none") == Verified(1, Head(0, "0" * 64))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A timeline of three entries, to be changed octet by octet."""
    return written(tmp_path / "small", [doubt(1), transition(2), doubt(3)])


def broken_by(folder: Path, change: Callable[[int], int]) -> Iterator[tuple[int, int, int]]:
    """For each octet of the segment that is another one after ``change``: its line, and the line and entry found."""
    data, path = segment(folder).read_bytes(), segment(folder)
    with path.open("r+b", buffering=0) as file:
        for position, octet in enumerate(data):
            if change(octet) != octet:
                os.pwrite(file.fileno(), bytes([change(octet)]), position)
                found = broken(folder)
                assert found.file == path.name
                yield data.count(b"\n", 0, position) + 1, found.line, found.sequence
                os.pwrite(file.fileno(), bytes([octet]), position)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_one_octet_changed_anywhere_is_found_at_that_entry(small: Path, mask: int) -> None:
    found = list(broken_by(small, lambda octet: octet ^ mask))
    assert len(found) == segment(small).stat().st_size
    assert all(line == at == sequence for line, at, sequence in found)
    assert isinstance(verify(small), Verified)


def test_any_octet_that_becomes_a_line_feed_is_found_at_that_entry(small: Path) -> None:
    assert all(line == at == sequence for line, at, sequence in broken_by(small, lambda _: ord("\n")))


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_one_octet_of_the_head_changed_is_found(folder: Path, mask: int) -> None:
    data = (folder / "head.json").read_bytes()
    for position, octet in enumerate(data):
        (folder / "head.json").write_bytes(data[:position] + bytes([octet ^ mask]) + data[position + 1 :])
        assert isinstance(verify(folder), Broken)


def test_a_file_cut_at_any_length_is_found(folder: Path) -> None:
    data = segment(folder).read_bytes()
    for length in reversed(range(len(data))):
        os.truncate(segment(folder), length)
        assert broken(folder).sequence == data.count(b"\n", 0, length) + 1, length


@pytest.mark.parametrize("number", range(5))
def test_a_line_removed_is_found_where_it_was(folder: Path, number: int) -> None:
    kept = lines(folder)
    del kept[number]
    segment(folder).write_bytes(b"".join(kept))
    assert broken(folder).sequence == number + 1


@pytest.mark.parametrize("number", range(5))
def test_a_line_that_stands_twice_is_found(folder: Path, number: int) -> None:
    kept = lines(folder)
    segment(folder).write_bytes(b"".join([*kept[: number + 1], *kept[number:]]))
    assert broken(folder).line == number + 2


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 4), (1, 3), (3, 4)])
def test_lines_that_changed_places_are_found_at_the_first(folder: Path, one: int, other: int) -> None:
    kept = lines(folder)
    kept[one], kept[other] = kept[other], kept[one]
    segment(folder).write_bytes(b"".join(kept))
    assert (broken(folder).line, broken(folder).sequence) == (one + 1, one + 1)


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("inserted", [b"\n", b"{}\n", b"\xff\n", None])
def test_an_inserted_line_is_found_there(folder: Path, number: int, inserted: bytes | None) -> None:
    kept = lines(folder)
    before = Head(number, json.loads(kept[number - 1])["hash"] if number else "0" * 64)
    forged, _ = encode_line(doubt(9), before, doubt(9).at_utc)
    kept.insert(number, forged if inserted is None else inserted)
    segment(folder).write_bytes(b"".join(kept))
    if inserted is None and number == 5:  # whoever can compute it can add to the end what nobody has seen before
        assert whole(folder).head.sequence == 6
    else:  # a forged one is found by what follows it, or by the head where that knows better
        assert broken(folder).line == number + 1 + (inserted is None and number < 4)


def test_an_entry_that_was_computed_anew_does_not_follow_from_the_one_before(folder: Path) -> None:
    kept = lines(folder)
    kept[2], _ = encode_line(doubt(9), Head(2, "0" * 64), doubt(9).at_utc)
    segment(folder).write_bytes(b"".join(kept))
    assert (broken(folder).sequence, broken(folder).what) == (3, "does not follow from the entry before")


def test_a_line_with_a_hash_that_fits_is_no_entry_for_that(folder: Path) -> None:
    kept = lines(folder)
    kept[2] = b'{},"hash":"%s"}\n' % sha256(b"{}}").hexdigest().encode()
    segment(folder).write_bytes(b"".join(kept))
    assert broken(folder).sequence == 3
    assert broken(folder).what.startswith("is no entry: ")


def test_a_head_of_another_form_is_found(folder: Path) -> None:
    (folder / "head.json").write_bytes(b'{"sequence":5,"hash":"ab"}\n')
    assert broken(folder) == Broken("head.json", 0, 0, "is changed: nothing writes it in this way")


def test_an_end_that_was_computed_anew_does_not_fit_the_head(folder: Path) -> None:
    kept = lines(folder)[:4]
    forged, _ = encode_line(doubt(9), Head(4, json.loads(kept[3])["hash"]), doubt(9).at_utc)
    segment(folder).write_bytes(b"".join([*kept, forged]))
    assert broken(folder).sequence == 5
    assert "known to have stood here" in broken(folder).what


def test_an_entry_known_from_elsewhere_must_be_there_with_its_hash(folder: Path) -> None:
    hashes = [json.loads(line)["hash"] for line in lines(folder)]
    assert isinstance(verify(folder, Head(3, hashes[2])), Verified)
    assert isinstance(found := verify(folder, Head(3, hashes[3])), Broken)
    assert found.sequence == 3
    assert isinstance(found := verify(folder, Head(7, hashes[3])), Broken)
    assert found.sequence == 6


def test_a_head_that_lags_behind_is_what_a_crash_leaves(folder: Path) -> None:
    third = json.loads(lines(folder)[2])
    (folder / "head.json").write_bytes(b'{"sequence":3,"hash":"%s"}\n' % third["hash"].encode())
    assert whole(folder).head.sequence == 5


@pytest.mark.parametrize("what", ["head.json", "segment", "both"])
def test_files_that_are_missing_are_found_unless_all_are(folder: Path, what: str) -> None:
    if what != "segment":
        (folder / "head.json").unlink()
    if what != "head.json":
        segment(folder).unlink()
    assert isinstance(verify(folder), Verified if what == "both" else Broken)


def cut_off(folder: Path, length: int) -> None:
    """As a crash leaves it: the head knows nothing of the last line, which is not whole."""
    fourth = json.loads(lines(folder)[3])
    (folder / "head.json").write_bytes(b'{"sequence":4,"hash":"%s"}\n' % fourth["hash"].encode())
    os.truncate(segment(folder), sum(map(len, lines(folder)[:4])) + length)


def test_an_unfinished_line_that_the_head_does_not_know_of_is_what_a_crash_leaves(folder: Path) -> None:
    last = lines(folder)[-1]
    for length in range(1, len(last)):
        segment(folder).write_bytes(b"".join([*lines(folder)[:4], last]))
        cut_off(folder, length)
        assert whole(folder).head.sequence == 4
        assert whole(folder).torn


def test_a_line_whose_line_feed_was_changed_is_not_taken_for_an_unfinished_one(folder: Path) -> None:
    cut_off(folder, len(lines(folder)[-1]) - 1)
    with segment(folder).open("ab") as file:
        file.write(b"x")
    assert broken(folder).sequence == 5


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    """A timeline of four segments, with an entry in each."""
    folder = tmp_path / "segments"
    for number in range(1, 5):
        written(folder, [doubt(number)], Limits(segment_bytes=1))
    assert len(list_segments(folder)) == 4
    return folder


def test_the_chain_goes_on_from_segment_to_segment(segments: Path) -> None:
    assert whole(segments).head.sequence == 4


@pytest.mark.parametrize("number", range(4))
def test_a_segment_that_is_missing_is_found(segments: Path, number: int) -> None:
    list_segments(segments)[number].unlink()
    assert broken(segments).sequence == number + 1


@pytest.mark.parametrize("number", range(4))
def test_a_segment_that_is_empty_or_cut_off_is_found(segments: Path, number: int) -> None:
    path = list_segments(segments)[number]
    os.truncate(path, path.stat().st_size - 1)
    assert broken(segments).sequence == number + 1
    os.truncate(path, 0)
    assert broken(segments).sequence == number + 1


def test_an_unfinished_line_before_the_last_segment_is_found(segments: Path) -> None:
    first, second, *_ = list_segments(segments)
    link = decode_line(first.read_bytes())
    (segments / "head.json").write_bytes(b'{"sequence":1,"hash":"%s"}\n' % link.hash.encode())
    os.truncate(second, 9)
    assert (broken(segments).file, broken(segments).line, broken(segments).sequence) == (second.name, 1, 2)


def test_segments_that_changed_names_are_found(segments: Path) -> None:
    _, second, third, _ = list_segments(segments)
    second.rename(segments / "swap")
    third.rename(second)
    (segments / "swap").rename(third)
    assert (broken(segments).file, broken(segments).sequence) == (second.name, 2)


def removing(folder: Path, first: int) -> None:
    """Have the segments before that with entry ``first`` removed; a new one says so."""
    timeline = Timeline(folder, CollectorRegistry(), Limits(segment_bytes=1))
    timeline.retain(begun(folder / f"{first:016}.jsonl"))
    assert timeline.close()


def test_what_was_removed_lawfully_is_not_missed(segments: Path) -> None:
    removing(segments, 3)
    assert (whole(segments).first, whole(segments).head.sequence) == (3, 5)
    removing(segments, 5)
    assert (whole(segments).first, whole(segments).head.sequence) == (5, 6)


def test_more_than_was_removed_lawfully_is_found(segments: Path) -> None:
    removing(segments, 3)
    list_segments(segments)[0].unlink()
    assert broken(segments).sequence == 3


def test_less_than_was_to_be_removed_is_what_a_crash_leaves(segments: Path) -> None:
    first, second, *_ = list_segments(segments)
    contents = second.read_bytes(), first.read_bytes()
    removing(segments, 3)
    second.write_bytes(contents[0])
    assert whole(segments).first == 2
    first.write_bytes(contents[1])
    assert whole(segments).first == 1


def test_a_beginning_computed_anew_does_not_fit_what_was_removed(segments: Path) -> None:
    removing(segments, 3)
    removed = next(item for item in items(segments) if isinstance(item, Removed))
    before = Head(2, "1" * 64)
    for path in list_segments(segments):
        (item,) = items_of(path)
        assert item is not None
        line, before = encode_line(item, before, doubt(1).at_utc)
        path.write_bytes(line)
    (segments / "head.json").write_bytes(b'{"sequence":5,"hash":"%s"}\n' % before.hash.encode())
    assert removed.through == 2
    assert broken(segments).sequence == 2
    assert "not the one that was removed" in broken(segments).what


def test_what_a_start_found_damaged_stays_so(folder: Path) -> None:
    (folder / "head.json").unlink()
    written(folder, [doubt(6)])
    assert broken(folder).sequence == 6
    assert "head.json is missing" in broken(folder).what


DOCUMENTED = Path(__file__).parents[2] / "docs" / "timeline.md"


def test_the_documented_program_verifies_it_too(folder: Path) -> None:
    _, program, _ = re.split(r"```python\n|```\n\nor", DOCUMENTED.read_text(), maxsplit=2)
    command = [sys.executable, "-c", program, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"5:{whole(folder).head.hash}\n"
    segment(folder).write_bytes(segment(folder).read_bytes().replace(b"reason 2", b"reason 3"))
    assert "changed after entry" in subprocess.run(command, check=False, capture_output=True, text=True).stderr


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_the_documented_commands_verify_a_line(folder: Path) -> None:
    (script,) = re.findall(r"```sh\n(.*?)```", DOCUMENTED.read_text(), re.DOTALL)
    done = subprocess.run(["sh", "-ec", script], cwd=folder, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [whole(folder).head.hash] * 2


def test_it_can_be_verified_while_it_is_written_to_and_shortened(tmp_path: Path) -> None:
    folder = tmp_path / "timeline"
    timeline = Timeline(folder, CollectorRegistry(), Limits(max_bytes=6000, segment_bytes=1000))
    record: HistoryRecord = DoubtRecord(doubt(1).at_utc, doubt(1).vantage, "x" * 100)
    sequence = 0
    while sequence < 300:
        timeline.append(record)
        sequence = whole(folder).head.sequence
    assert timeline.close()
    assert whole(folder).first > 1
    assert not any(isinstance(item, Damaged) for item in items(folder))


def test_a_reader_that_removal_overtakes_begins_anew(segments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overtaken = False

    def slow(folder: Path) -> Iterator[tuple[Path, bytes]]:
        nonlocal overtaken
        for found in contents(folder):
            yield found
            if not overtaken:
                overtaken = True
                removing(folder, 4)

    monkeypatch.setattr("gslb.store.timeline_verify.contents", slow)
    assert whole(segments).first == 4
