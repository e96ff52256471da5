"""The query log: what is written of a query, how many are, and that it is bounded and in nobody's way."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import dns.edns
import dns.message
import pytest

from gslb.nameserver import querylog
from gslb.nameserver.querylog import Exchange, QueryLogger, described
from gslb.nameserver.settings import QueryLog, RateLimit, Settings
from gslb.nameserver.transfer.access import make_key
from tests.nameserver.support import CLIENT, NAME, SNAPSHOT, Server, running
from tests.nameserver.transfers import KEY
from tests.waiting import eventually

WHOLE = 2**30


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@contextmanager
def logging(folder: Path, *, sample: float = 1.0, limit: RateLimit | None = None) -> Iterator[tuple[Server, Path]]:
    plan = QueryLog(str(folder / "queries.jsonl"), sample, WHOLE)
    settings = Settings(query_log=plan, rate_limit=limit)
    with running(folder, snapshot=replace(SNAPSHOT, settings=settings)) as server:
        yield server, folder / f"queries-{NAME}.jsonl"


def test_a_line_says_who_asked_what_and_what_the_answer_was(tmp_path: Path) -> None:
    with logging(tmp_path) as (server, file):
        option = dns.edns.ECSOption("198.51.100.0", 24)
        query = dns.message.make_query("API.example.com.", "A", use_edns=0, payload=1400, options=[option], id=7)
        server.send(query, source="127.0.0.7")
        server.send(dns.message.make_query("nowhere.example.com.", "AAAA"), tcp=True)
        eventually(lambda: any(line.get("name") == "nowhere.example.com." for line in lines(file)))
        found = lines(file)
    asked = next(line for line in found if line.get("id") == 7)
    assert asked.pop("at").endswith("+00:00")
    assert asked.pop("answers") in (["203.0.113.1"], ["203.0.113.2"])
    assert asked.pop("size") > 50
    assert asked == {
        "client": "127.0.0.7",
        "transport": "udp",
        "id": 7,
        "name": "API.example.com.",
        "type": "A",
        "subnet": "198.51.100.0/24",
        "edns": {"size": 1400, "do": False},
        "rcode": "NOERROR",
    }
    missing = next(line for line in found if line.get("name") == "nowhere.example.com.")
    assert (missing["transport"], missing["type"], missing["rcode"]) == ("tcp", "AAAA", "NXDOMAIN")
    assert "answers" not in missing


def test_ready_answers_are_written_too(tmp_path: Path) -> None:
    with logging(tmp_path) as (server, file):
        for _ in range(20):
            server.ask("api.example.com.")
        eventually(lambda: sum(line.get("name") == "api.example.com." for line in lines(file)) == 20)


def test_what_the_rate_limit_holds_back_is_written_without_an_answer(tmp_path: Path) -> None:
    with logging(tmp_path, limit=RateLimit(1, 1, slip=0)) as (server, file):
        packet = dns.message.make_query("api.example.com.", "A").to_wire()
        for _ in range(5):
            server.exchange(packet, timeout=0.05)
        eventually(lambda: any(line["rcode"] is None for line in lines(file)))


def test_garbage_is_written_as_it_came() -> None:
    line = described(Exchange(0.0, CLIENT, "udp", b"\x00\x01garbage", None))
    assert line == {
        "at": "1970-01-01T00:00:00.000+00:00",
        "client": CLIENT,
        "transport": "udp",
        "packet": b"\x00\x01garbage".hex(),
        "rcode": None,
    }


def test_what_dnspython_cannot_read_is_written_and_what_comes_after_it_too(tmp_path: Path) -> None:
    """A signature by an unknown key, and a client subnet without address: anybody can send either."""
    signed = dns.message.make_query("signed.example.com.", "A")
    signed.use_tsig(make_key(KEY))
    subnet = dns.edns.GenericOption(dns.edns.OptionType.ECS, bytes(4))
    nobody = dns.message.make_query("www.example.com.", "A", use_edns=0, options=[subnet])
    with logging(tmp_path) as (server, file):
        for packet in (signed.to_wire(), nobody.to_wire()):
            assert server.exchange(packet) is not None
        eventually(lambda: len(lines(file)) >= 3)
        server.ask("later.example.com.")
        eventually(lambda: any(line.get("name") == "later.example.com." for line in lines(file)))
        found = lines(file)
    assert next(line for line in found if line.get("name") == "signed.example.com.")["rcode"] == "NOTAUTH"
    assert any("packet" in line and line["rcode"] == "NOERROR" for line in found)


def test_it_is_not_for_everybody_to_read(tmp_path: Path) -> None:
    with closing(Taker(tmp_path)) as taker:
        taker.take(1)
    assert taker.logger.file.stat().st_mode & 0o007 == 0


def test_one_that_takes_the_place_of_another_waits_for_its_end_and_knows_what_it_lost(tmp_path: Path) -> None:
    former = Taker(tmp_path)
    former.take(querylog.WAITING + 5)
    former.logger.stop()
    later = QueryLogger(QueryLog(str(tmp_path / "q.jsonl"), 1.0, WHOLE), "w", Random(1), former.logger)
    later.take("192.0.2.77", "udp", former.packet, None)
    later.stop()
    later.join()
    written = lines(later.file)
    assert len(written) + later.lost == querylog.WAITING + 6
    assert written[-1]["client"] == "192.0.2.77"


def test_so_many_are_written_as_were_asked_for(tmp_path: Path) -> None:
    with closing(Taker(tmp_path, sample=0.1)) as taker:
        taker.take(5000)
    assert 400 < len(lines(taker.logger.file)) < 600


class Taker:
    """A logger, and queries for it."""

    def __init__(self, folder: Path, *, sample: float = 1.0, most: int = WHOLE) -> None:
        self.logger = QueryLogger(QueryLog(str(folder / "q.jsonl"), sample, most), "w", Random(1))
        self.packet = dns.message.make_query("www.example.com.", "A").to_wire()

    def take(self, times: int) -> None:
        for _ in range(times):
            self.logger.take(CLIENT, "udp", self.packet, None)

    def close(self) -> None:
        self.logger.stop()
        self.logger.join()


def test_a_full_file_is_kept_in_place_of_the_one_before(tmp_path: Path) -> None:
    for _ in range(4):
        with closing(Taker(tmp_path, most=500)) as taker:
            taker.take(10)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["q-w.jsonl", "q-w.jsonl.1"]
    assert len(lines(tmp_path / "q-w.jsonl")) == len(lines(tmp_path / "q-w.jsonl.1")) == 10


def test_more_than_can_wait_are_left_out_and_counted(tmp_path: Path) -> None:
    with closing(Taker(tmp_path)) as taker:
        taker.take(querylog.WAITING + 500)
    assert len(lines(taker.logger.file)) + taker.logger.lost == querylog.WAITING + 500


def test_a_folder_that_is_missing_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    with closing(Taker(tmp_path / "missing")) as taker:
        taker.take(3)
    assert taker.logger.lost == 3


def test_of_what_a_full_disk_takes_in_part_the_rest_counts_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def filling(*_: object, **__: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(write=lambda data: data.index(b"\n") + 5)

    logger = QueryLogger(QueryLog(str(tmp_path / "queries.jsonl"), 1.0, WHOLE), NAME, Random(1))
    monkeypatch.setattr(querylog, "open", filling, raising=False)
    for _ in range(3):
        logger.take("192.0.2.1", "udp", b"", None)
    logger.stop()
    logger.join()
    assert logger.lost == 2
