from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gslb.errors import SnapshotError
from gslb.model.names import ServiceName
from gslb.nameserver import disk
from gslb.nameserver.disk import Saver
from gslb.nameserver.rrset import wire_name
from gslb.nameserver.snapshot import MOST_CHANGED, Change, Full, Record, Snapshot, Zone, apply, decode, diff, encode
from gslb.nameserver.table import compile_table, lower
from gslb.nameserver.transfer.access import Transfer, TsigKey
from tests.nameserver.support import API, OTHER, SNAPSHOT, ZONES, service
from tests.waiting import eventually

services = st.dictionaries(
    st.sampled_from(["a.example.com.", "b.example.com.", "c.example.com.", "d.example.com."]),
    st.lists(st.tuples(st.integers(1, 255), st.just(["192.0.2.1"])), max_size=3),
).map(lambda given: tuple(service(name, *regions) for name, regions in given.items()))
serials = st.fixed_dictionaries({zone.origin: st.integers(0, 2**32 - 1) for zone in ZONES})
snapshots = st.builds(Snapshot, st.integers(0, 2**40), st.just(ZONES), services, serials=serials)


@given(snapshots)
def test_a_snapshot_survives_being_encoded(snapshot: Snapshot) -> None:
    assert decode(b"".join(encode(snapshot))) == snapshot


@given(snapshots, snapshots)
def test_a_change_leads_from_one_snapshot_to_the_other(old: Snapshot, new: Snapshot) -> None:
    change = diff(old, new)
    assert isinstance(change, Change)
    result = apply(old, change)
    assert (result.generation, result.zones, set(result.services)) == (new.generation, new.zones, set(new.services))
    assert not set(change.services) & set(old.services)
    assert result.serials == new.serials
    assert not change.serials.items() & old.serials.items()


def test_other_zones_or_no_base_need_everything() -> None:
    other = Snapshot(8, (Zone("example.net.", OTHER),), ())
    assert diff(SNAPSHOT, other) == Full(other)
    assert diff(None, SNAPSHOT) == Full(SNAPSHOT)


def test_a_serial_that_is_no_longer_given_needs_everything() -> None:
    numbered = replace(SNAPSHOT, generation=8, serials={"example.com.": 7})
    change = diff(SNAPSHOT, numbered)
    assert isinstance(change, Change)
    assert (change.services, change.serials) == ((), {"example.com.": 7})
    assert diff(numbered, SNAPSHOT) == Full(SNAPSHOT)


def test_a_snapshot_of_when_there_were_no_transfers_is_read() -> None:
    document = msgspec.json.decode(b"".join(encode(SNAPSHOT)))
    del document["serials"]
    for zone in document["zones"]:
        del zone["transfer"]
    assert decode(msgspec.json.encode(document)) == SNAPSHOT


def test_many_services_that_differ_need_everything() -> None:
    """A change is read in one call, and not made ready for those who ask."""
    old = Snapshot(7, ZONES, tuple(service(f"s{number}.example.com.", (1, ["192.0.2.1"])) for number in range(300)))
    for count in (MOST_CHANGED, MOST_CHANGED + 1):
        moved = tuple(structs.replace(it, ttl=it.ttl + 1) for it in old.services[:count])
        new = replace(old, generation=8, services=(*moved, *old.services[count:]))
        change = diff(old, new)
        assert change == Full(new) if count > MOST_CHANGED else isinstance(change, Change)


def test_a_service_that_went_is_named() -> None:
    change = diff(SNAPSHOT, Snapshot(8, ZONES, (API,)))
    assert isinstance(change, Change)
    assert change.services == ()
    assert ServiceName("down.example.com.") in change.removed


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"".join(encode(SNAPSHOT))[:-1], msgspec.json.encode([1])])
def test_what_is_no_snapshot_is_an_error(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        decode(data)


@pytest.mark.parametrize(
    "record",
    [
        Record("www.example.com.", 1, "A", "not an address"),
        Record("www.example.com.", -1, "A", "192.0.2.1"),
        Record("www.example.com.", 1, "NOTYPE", "x"),
        Record("www.example.com.", 1, "MX", "ten mail."),
        Record("www.example.org.", 1, "A", "192.0.2.1"),
        Record("x" * 64 + ".example.com.", 1, "A", "192.0.2.1"),
    ],
)
def test_a_record_that_cannot_be_is_an_error(record: Record) -> None:
    with pytest.raises(SnapshotError):
        compile_table(Snapshot(1, (Zone("example.com.", (*ZONES[0].records, record)),), ()), None, Random(1))


def test_a_zone_without_soa_and_a_weight_of_nothing_are_errors() -> None:
    with pytest.raises(SnapshotError):
        compile_table(Snapshot(1, (Zone("example.com.", ZONES[0].records[1:]),), ()), None, Random(1))
    with pytest.raises(SnapshotError):
        compile_table(Snapshot(1, ZONES, (service("x.example.com.", (0, ["192.0.2.1"])),)), None, Random(1))


def test_what_did_not_change_is_not_compiled_again() -> None:
    before = compile_table(SNAPSHOT, None, Random(1))
    moved = service("api.example.com.", (1, ["203.0.113.9"]))
    after = compile_table(Snapshot(8, ZONES, (moved, *SNAPSHOT.services[1:])), before, Random(1))
    assert all(after.static[origin] is before.static[origin] for origin in before.static)
    fresh = {name for name in before.services if after.services[name] is not before.services[name]}
    assert fresh == {b"\x03api\x07example\x03com\x00"}


def test_a_serial_compiles_nothing_but_the_soa() -> None:
    before = compile_table(SNAPSHOT, None, Random(1))
    after = compile_table(replace(SNAPSHOT, serials={"example.com.": 9}), before, Random(1))
    assert all(after.static[origin] is before.static[origin] for origin in before.static)
    assert all(after.services[name] is before.services[name] for name in before.services)
    apex = wire_name("example.com.")
    old, new = before.zones[apex], after.zones[apex]
    assert (old.serial, new.serial) == (1, 9)
    full = [name for name, node in old.nodes.items() if node.rrsets or node.steered]
    assert [name for name in full if old.nodes[name] is not new.nodes[name]] == [apex]
    assert (after.zones[wire_name("sub.example.com.")].serial, old.soa.bodies != new.soa.bodies) == (1, True)


def test_a_service_at_the_apex_keeps_the_serial_while_its_ttl_is_lowered() -> None:
    table = compile_table(replace(SNAPSHOT, serials={"example.com.": 9}), None, Random(1))
    lowered = lower(table, frozenset({ServiceName("example.com.")}), Random(1))
    zone = lowered.zones[wire_name("example.com.")]
    assert (zone.serial, zone.soa) == (9, table.zones[wire_name("example.com.")].soa)
    assert lowered.keys == table.keys


@pytest.mark.parametrize("serial", [-1, 2**32])
def test_a_serial_that_is_none_is_an_error(serial: int) -> None:
    with pytest.raises(SnapshotError):
        compile_table(replace(SNAPSHOT, serials={"example.com.": serial}), None, Random(1))


@pytest.mark.parametrize(
    "transfer",
    [
        Transfer(allow=("everybody",)),
        Transfer(keys=(TsigKey("xfr.", "hmac-md5", "AAAA"),)),
        Transfer(keys=(TsigKey("xfr.", "hmac-sha256", "no base64"),)),
        Transfer(keys=(TsigKey("a..b", "hmac-sha256", "AAAA"),)),
    ],
)
def test_a_permission_that_cannot_be_is_an_error_and_repeats_no_secret(transfer: Transfer) -> None:
    with pytest.raises(SnapshotError) as caught:
        compile_table(replace(SNAPSHOT, zones=(replace(ZONES[0], transfer=transfer),)), None, Random(1))
    assert "no base64" not in str(caught.value)


def test_a_snapshot_comes_back_from_disk_and_the_one_before_it_too(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "snapshot.json"
    older = Snapshot(6, ZONES, ())
    disk.write(path, older)
    disk.write(path, SNAPSHOT)
    assert disk.read(path) == SNAPSHOT
    assert disk.read(disk.previous(path)) == older
    assert {file.name for file in path.parent.iterdir()} == {"snapshot.json", "snapshot.json.previous"}


@pytest.mark.parametrize("at", [0, 14, 30, 500, -1])
def test_a_damaged_file_is_an_error_and_does_not_push_out_a_whole_one(tmp_path: Path, at: int) -> None:
    path = tmp_path / "snapshot.json"
    disk.write(path, Snapshot(6, ZONES, ()))
    disk.write(path, SNAPSHOT)
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(SnapshotError, match=str(path)):
        disk.read(path)
    disk.write(path, Snapshot(8, ZONES, ()))
    assert disk.read(disk.previous(path)).generation == 6


def test_a_file_of_a_newer_form_says_so(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b"gslb-snapshot 2 whatever follows\n{}")
    with pytest.raises(SnapshotError, match="form 2"):
        disk.read(path)


def test_a_burst_of_changes_ends_with_the_newest_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    saver = Saver(path)
    saver.start()
    for generation in range(200):
        saver.offer(Snapshot(generation, ZONES, ()))
    saver.stop()
    assert disk.read(path).generation == 199
    assert not saver.failed


def test_a_folder_that_cannot_be_written_is_a_flag_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    saver = Saver(tmp_path / "folder" / "snapshot.json")
    saver.start()
    saver.offer(SNAPSHOT)
    eventually(lambda: saver.failed)
    (tmp_path / "folder").unlink()
    saver.offer(SNAPSHOT)
    eventually(lambda: not saver.failed)
    saver.stop()
    assert disk.read(tmp_path / "folder" / "snapshot.json") == SNAPSHOT
