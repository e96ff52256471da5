"""What was taken out of use is freed once no reader can be in the midst of using it, and not before."""

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.nameserver.parts import Parts
from gslb.nameserver.reclaim import Reader, Reclaimer
from gslb.nameserver.replies import Replies
from gslb.nameserver.template import Template


class Thing:
    """Something whose end can be seen."""


def begin(reader: Reader) -> None:
    reader.begun += 1


def end(reader: Reader) -> None:
    reader.ended += 1


@pytest.fixture
def reclaimer() -> Reclaimer:
    return Reclaimer()


def test_without_readers_it_is_freed_at_once(reclaimer: Reclaimer) -> None:
    retired = {1: "one"}
    reclaimer.retire(retired)
    assert retired
    reclaimer.reclaim()
    assert not retired


def test_it_stays_while_a_batch_goes_on_that_had_begun(reclaimer: Reclaimer) -> None:
    reader, idle = reclaimer.reader(), reclaimer.reader()
    begin(reader)
    retired = {1: "one"}
    reclaimer.retire(retired)
    reclaimer.reclaim()
    assert retired
    begin(idle)  # which began later, and so cannot have found it
    end(reader)
    reclaimer.reclaim()
    assert not retired


def test_a_reader_that_does_not_read_keeps_nothing(reclaimer: Reclaimer) -> None:
    reader = reclaimer.reader()
    for _ in range(3):
        begin(reader)
        end(reader)
    retired = [1, 2]
    reclaimer.retire(retired)
    reclaimer.reclaim()
    assert not retired


def test_a_later_batch_of_the_same_reader_does_not_count(reclaimer: Reclaimer) -> None:
    reader = reclaimer.reader()
    begin(reader)
    retired = [1]
    reclaimer.retire(retired)
    end(reader)
    begin(reader)
    reclaimer.reclaim()
    assert not retired


def test_a_reader_that_comes_later_is_not_waited_for(reclaimer: Reclaimer) -> None:
    retired = [1]
    reclaimer.retire(retired)
    begin(reclaimer.reader())
    reclaimer.reclaim()
    assert not retired


def test_collections_are_taken_apart_whatever_is_in_them(reclaimer: Reclaimer) -> None:
    things = [Thing() for _ in range(1500)]
    seen = [weakref.ref(thing) for thing in things]
    reclaimer.retire((dict(enumerate(things)), list(things), (list(things), "text")))
    del things
    assert all(ref() for ref in seen)
    reclaimer.reclaim()
    assert not any(ref() for ref in seen)


def test_what_is_under_way_is_told(reclaimer: Reclaimer) -> None:
    reader = reclaimer.reader()
    assert not reclaimer.under_way()()
    begin(reader)
    under_way = reclaimer.under_way()
    assert under_way()
    end(reader)
    begin(reader)
    assert not under_way()


@given(st.lists(st.tuples(st.sampled_from(["begin", "end", "retire", "reclaim", "join"]), st.integers(0, 3))))
def test_in_any_order_it_is_freed_exactly_when_all_that_had_begun_have_ended(steps: list[tuple[str, int]]) -> None:
    reclaimer = Reclaimer()
    readers = [reclaimer.reader() for _ in range(2)]
    retired: list[tuple[list[int], set[tuple[int, int]]]] = []
    for step, number in steps:
        if step == "join":
            readers.append(reclaimer.reader())
            continue
        index = number % len(readers)
        reader = readers[index]
        if step == "begin" and reader.begun == reader.ended:
            begin(reader)
        elif step == "end" and reader.begun > reader.ended:
            end(reader)
            retired = [(thing, waiting - {(index, reader.ended)}) for thing, waiting in retired]
        elif step == "retire":
            waiting = {(i, it.begun) for i, it in enumerate(readers) if it.begun > it.ended}
            retired.append(([1], waiting))
            reclaimer.retire(retired[-1][0])
        elif step == "reclaim":
            reclaimer.reclaim()
            assert all(not thing for thing, waiting in retired if not waiting and _came_first(retired, thing))
        assert all(thing for thing, waiting in retired if waiting)


def _came_first(retired: list[tuple[list[int], set[tuple[int, int]]]], thing: list[int]) -> bool:
    """Whether nothing that was retired before is still waited for: things are freed in order."""
    for other, waiting in retired:
        if other is thing:
            return True
        if waiting:
            return False
    raise AssertionError(thing)


def test_no_reader_ever_finds_that_what_it_uses_was_taken_apart(reclaimer: Reclaimer) -> None:
    """Threads that look up what is in force and use it, while that is replaced and the former is freed."""
    size, rounds = 600, 300
    shared = [dict.fromkeys(range(size), "said")]
    stopping, faults, batches = threading.Event(), [], []

    def read(reader: Reader) -> None:
        done = 0
        while not stopping.is_set():
            reader.begun += 1
            found = shared[0]
            if len(found) != size or list(found.values()).count("said") != size or len(found) != size:
                faults.append(len(found))
            done += 1
            reader.ended += 1
        batches.append(done)

    readers = [reclaimer.reader() for _ in range(3)]
    with ThreadPoolExecutor(len(readers)) as pool:
        running = [pool.submit(read, reader) for reader in readers]
        try:
            for _ in range(rounds):
                former, shared[0] = shared[0], dict.fromkeys(range(size), "said")
                reclaimer.retire(former)
                reclaimer.reclaim()
        finally:
            stopping.set()
        for future in running:
            future.result(20)
    reclaimer.reclaim()
    assert not faults
    assert not reclaimer._retired
    assert all(batches)


def test_responses_that_are_thrown_away_stay_in_memory_until_the_batch_has_ended(reclaimer: Reclaimer) -> None:
    """A listener has no more than the place of a response in memory."""
    reader = reclaimer.reader()
    replies = Replies(reclaimer.retire)
    parts = Parts(b"head", b"body", 20)
    template = Template(repeat("record"), (parts,))
    replies.add(b"key", template)
    replies.add_personal(b"mine", template, b"address", None)
    begin(reader)
    turns, held = replies.turns, replies._held
    replies.forget()
    assert not replies.turns
    reclaimer.reclaim()
    assert list(held) == [template]
    assert set(turns) == {b"key", b"mine"}
    end(reader)
    reclaimer.reclaim()
    assert not held
    assert not turns


def test_what_clients_with_cookies_were_said_stays_until_the_batch_has_ended_as_well(reclaimer: Reclaimer) -> None:
    reader = reclaimer.reader()
    replies = Replies(reclaimer.retire)
    template = Template(repeat("record"), (Parts(b"head", b"body", 20),))
    replies.add_personal(b"mine", template, b"address", None)
    replies.add(b"key", Template(repeat("record"), (Parts(b"head", b"body", 20),)))
    begin(reader)
    held = replies._theirs
    replies.forget_personal()
    assert list(replies.turns) == [b"key"]
    reclaimer.reclaim()
    assert list(held) == [template]
    end(reader)
    reclaimer.reclaim()
    assert not held


def test_replies_are_bounded_by_what_they_lead_to(monkeypatch: pytest.MonkeyPatch, reclaimer: Reclaimer) -> None:
    """Also of those with cookies, which are thrown away by themselves from time to time."""
    monkeypatch.setattr("gslb.nameserver.replies.MOST", 100)
    replies = Replies(reclaimer.retire)
    for number in range(1000):
        template = Template(repeat("record"), (Parts(b"head", b"body", 20),), cost=9)
        if number % 2:
            replies.add(b"%d" % number, template)
        else:
            replies.add_personal(b"%d" % number, template, b"address", None)
        if number % 7 == 0:
            replies.forget_personal()
        assert len(replies.turns) <= 10
        assert len(replies._held) + len(replies._theirs) <= 10
    replies.forget_personal()
    assert len(replies._held) == len(replies.turns) == 10
