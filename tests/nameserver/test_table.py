"""A table that was made out of another one answers as one that was compiled from nothing."""

import gc
import sys
import threading
import time
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gslb.model.names import ServiceName
from gslb.model.steering import RecordType, Rule, Steering
from gslb.nameserver import polite
from gslb.nameserver.lookup import lookup
from gslb.nameserver.rrset import AAAA, ANY, CNAME, DS, MX, NS, SOA, TXT, A, wire_name
from gslb.nameserver.snapshot import Change, Record, Snapshot, Zone, apply, diff
from gslb.nameserver.table import Table, compile_change, compile_table, lower
from gslb.nameserver.tailored import Tailored
from tests.nameserver.support import OTHER, group, service
from tests.nameserver.support import SOA as APEX

ORIGIN = "example.com."
ZONES = (
    Zone(
        ORIGIN,
        (
            APEX,
            Record(ORIGIN, 300, "NS", "ns.example.com."),
            Record(ORIGIN, 300, "MX", "10 mail.example.com."),
            Record("mail.example.com.", 300, "A", "192.0.2.25"),
            Record("mail.example.com.", 300, "MX", "10 www.example.com."),
            Record("www.example.com.", 300, "A", "192.0.2.80"),
            Record("www.example.com.", 300, "TXT", '"beside"'),
            Record("also.example.com.", 300, "CNAME", "www.example.com."),
            Record("ns.example.com.", 300, "A", "192.0.2.53"),
            Record("*.example.com.", 300, "MX", "10 deep.below.example.com."),
            Record("child.example.com.", 300, "NS", "ns.child.example.com."),
            Record("child.example.com.", 300, "NS", "mail.example.com."),
            Record("ns.child.example.com.", 300, "A", "192.0.2.54"),
        ),
    ),
    Zone("example.net.", OTHER),
)
SERVED = [
    ORIGIN,
    "mail.example.com.",
    "www.example.com.",
    "also.example.com.",
    "api.example.com.",
    "deep.below.example.com.",
    "*.below.example.com.",
    "www.example.net.",
    "nowhere.example.org.",
]
UNSERVED = ["below.example.com.", "x.below.example.com.", "x.child.example.com.", "y.example.com.", "ns.example.com."]
TYPES = (A, AAAA, CNAME, MX, NS, SOA, TXT, DS, ANY)

addresses = st.sampled_from(["203.0.113.1", "203.0.113.2", "203.0.113.3", "2001:db8::1"])
values = st.lists(addresses, min_size=1, max_size=3, unique=True)
rules = st.lists(st.tuples(st.integers(1, 9), values), max_size=2).map(
    lambda given: Rule(None, tuple(group(f"r{i}", *its, weight=weight) for i, (weight, its) in enumerate(given)))
)
types = st.sampled_from([(RecordType.A,), (RecordType.A, RecordType.AAAA)])
steerings = st.builds(
    lambda name, ttl, answers, kinds, rule: Steering(ServiceName(name), ttl, 5, answers, kinds, (rule,)),
    st.sampled_from(SERVED),
    st.sampled_from([3, 30]),
    st.integers(1, 3),
    types,
    rules,
)
sets = st.lists(steerings, max_size=6, unique_by=lambda steering: steering.name).map(tuple)
snapshots = st.builds(
    Snapshot, st.integers(0, 2**40), st.just(ZONES), sets, serials=st.fixed_dictionaries({ORIGIN: st.integers(2, 9)})
)
lowering = st.frozensets(st.sampled_from(SERVED).map(ServiceName), max_size=3)


def said(table: Table) -> dict[tuple[str, int], object]:
    """What everybody is told, by name and type, but for whose turn it is."""
    found: dict[tuple[str, int], object] = {}
    for name in SERVED + UNSERVED:
        for type_ in TYPES:
            answer = lookup(table, wire_name(name), type_)
            found[name, type_] = answer.reply, answer.owner, answer.negative, answer.lasting, told(answer.tailored)
    return found


def told(tailored: Tailored | None) -> object:
    if tailored is None:
        return None
    left_out = {"random", "gate", "served", "_kept"}
    fields = [name for name in structs.fields(tailored.rules[0]) if name.name not in left_out]
    rules_ = [[getattr(rule, field.name) for field in fields] for rule in tailored.rules]
    return rules_, tailored.same, tailored.needs_location


@settings(max_examples=60, deadline=None)
@given(st.lists(snapshots, min_size=2, max_size=4), lowering, lowering)
def test_a_changed_table_answers_as_one_compiled_from_nothing(
    given: list[Snapshot], before: frozenset[ServiceName], after: frozenset[ServiceName]
) -> None:
    snapshot = given[0]
    table = whole = compile_table(snapshot, None, Random(1), before)
    for new in given[1:]:
        change = diff(snapshot, new)
        assert isinstance(change, Change)
        snapshot = apply(snapshot, change)
        table = compile_change(table, change, Random(1))
        whole = compile_table(new, whole, Random(1), before)
        fresh = said(compile_table(snapshot, None, Random(1), before))
        assert table.snapshot == snapshot
        assert said(table) == fresh
        assert said(whole) == fresh
    assert said(lower(table, after, Random(1))) == said(compile_table(snapshot, None, Random(1), after))


def test_additional_data_that_a_service_has_taken_the_place_of_does_not_come_back() -> None:
    """It did when another service, at the name that points there, had its TTL lowered."""
    taken, pointing = (
        service("www.example.com.", (1, ["203.0.113.1"])),
        service("mail.example.com.", (1, ["203.0.113.2"])),
    )
    table = compile_table(Snapshot(1, ZONES, (taken, pointing)), None, Random(1))
    lowered = lower(table, frozenset({pointing.name}), Random(1))
    assert lookup(lowered, wire_name("mail.example.com."), MX).reply.optional == ()


def test_the_same_snapshot_again_makes_no_other_table() -> None:
    snapshot = Snapshot(1, ZONES, (service("www.example.com.", (1, ["203.0.113.1"])),), serials={ORIGIN: 5})
    table = compile_table(snapshot, None, Random(1))
    again = replace(snapshot, services=tuple(structs.replace(each) for each in snapshot.services))
    assert compile_table(again, table, Random(1)) is table
    assert compile_table(replace(again, generation=2), table, Random(1)) is not table


def many(count: int) -> Snapshot:
    services = tuple(service(f"s{number}.example.com.", (1, ["203.0.113.1"])) for number in range(count))
    return Snapshot(1, ZONES, services)


def test_others_have_the_interpreter_while_a_table_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although nothing takes it from the thread that compiles."""
    monkeypatch.setattr(polite, "_answering", threading.Event())
    polite.begin()
    snapshot, ended, turns = many(1000), threading.Event(), []
    before = sys.getswitchinterval()

    def other() -> None:
        while not ended.is_set():
            turns.append(1)
            time.sleep(0)

    beside = threading.Thread(target=other)
    sys.setswitchinterval(60)
    try:
        beside.start()
        turns.clear()
        compile_table(snapshot, None, Random(1))
        seen = len(turns)
    finally:
        ended.set()
        sys.setswitchinterval(before)
        beside.join()
    assert seen > 20


def test_the_cyclic_collector_knows_little_of_a_table() -> None:
    """Of what it knows it goes through all of it in one call, which answers would have to wait for."""
    snapshot = many(1000)
    gc.collect()
    before = len(gc.get_objects())
    table = compile_table(snapshot, None, Random(1))
    gc.collect()
    assert len(gc.get_objects()) - before < 2.5 * len(table.services)
