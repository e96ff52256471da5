"""gslb adopt says what is there and what becomes of it, asks, and writes markers alone, at either cloud."""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from gslb.control.clock import Clock
from gslb.control.writing.fleet import Writers
from gslb.control.writing.setup import WriterState
from gslb.model.recordset import Marker, RecordSet, markers, read_marker
from gslb.model.steering import Pick, Rule
from tests.cli.clouds import ANKARA, ISTANBUL, Aws, Cloud, Ended, Site, answer, gslb
from tests.control.loops import running
from tests.control.writing.rig import Told
from tests.fakes.route53.faults import Drop, Fault
from tests.nameserver.support import group
from tests.waiting import free_port, until

THERE = "198.51.100.9"
PROMISE = "a running daemon takes them over within 5m, or at once after gslb reload\n"


@pytest.fixture
def site(cloud: Cloud, tmp_path: Path) -> Site:
    """Somebody else has a record set where the service is to be."""
    site = Site(cloud, tmp_path / "gslb.toml")
    cloud.put(site.origin, "api", THERE)
    return site


def adopt(site: Site, *words: str, answer: str = "y\n", provider: str = "cloud") -> Ended:
    ended = gslb("adopt", site.file, *(words or (site.api,)), "--provider", provider, answer=answer)
    lines = ended.out.replace("[y/N]: ", "[y/N]:\n").splitlines()  # what is typed is not shown
    assert all(len(line) <= 80 for line in lines), ended.out
    return ended


def owners(site: Site) -> dict[str, str]:
    """Whose each service is, by first label."""
    found = markers(site.held())
    return {service.partition(".")[0]: marker.owner for service, (marker, _) in found.items()}


def without_markers(site: Site) -> set[RecordSet]:
    return {it for it in site.held() if read_marker(it) is None and it.type != "SOA"}


def test_markers_are_written_once_somebody_has_agreed(site: Site) -> None:
    before = without_markers(site)
    for words in ("n\n", ""):  # nobody may be there to ask
        ended = adopt(site, answer=words)
        assert (ended.code, owners(site)) == (1, {})
        assert "mark these record sets as ours? [y/N]" in ended.out
    ended = adopt(site)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith(f"adopted in {site.origin} at cloud: {site.api}\n{PROMISE}")
    assert without_markers(site) == before
    assert owners(site) == {"api": "istanbul-1"}


def test_nobody_is_asked_who_has_agreed_beforehand(site: Site) -> None:
    ended = adopt(site, site.api, "--yes", answer="")
    assert (ended.code, owners(site)) == (0, {"api": "istanbul-1"})
    assert "?" not in ended.out


def test_it_says_what_is_there_and_what_becomes_of_it(google: Cloud, tmp_path: Path) -> None:
    site = Site(google, tmp_path / "gslb.toml", "taken.example.com")
    google.put(site.origin, "api", THERE)
    google.put(site.origin, "www", THERE)
    site.write(api={}, www={"regions": ["istanbul"]})
    site.decide(answer(site, (1, ISTANBUL), (3, ANKARA)))
    ended = adopt(site, site.api, f"www.{site.origin}", answer="n\n")
    assert ended.out.splitlines()[:-1] == [
        "taken.example.com at cloud",
        "  api.taken.example.com has",
        "    A api.taken.example.com: 198.51.100.9, ttl 300",
        "  written once it is ours",
        "    ~ A api.taken.example.com: ttl 300 -> 30, values, routingPolicy.wrr.items",
        "    -     198.51.100.9",
        "    +     127.0.1.1: weight 1",
        "    +     127.0.2.1: weight 3",
        "  www.taken.example.com has",
        "    A www.taken.example.com: 198.51.100.9, ttl 300",
        "  written once it is ours",
        "    ~ A www.taken.example.com: ttl 300 -> 30, 198.51.100.9 -> 127.0.1.1",
    ]


def test_it_says_what_would_not_be_written_once_it_is_ours(site: Site) -> None:
    groups = group("istanbul", ISTANBUL), group("ankara", ANKARA)
    site.decide(replace(answer(site), rules=(Rule(None, groups, Pick.STICKY),)))
    ended = adopt(site, answer="n\n")
    assert "written once it is ours" not in ended.out
    assert f"! {site.api}: cloud cannot say the sticky pick for everybody else;" in " ".join(ended.out.split())


def test_it_can_be_interrupted_when_it_asks(aws: Aws, tmp_path: Path) -> None:
    site = Site(aws, tmp_path / "gslb.toml")
    aws.put(site.origin, "api", THERE)
    writes = Counter(aws.writes)
    command = [sys.executable, "-m", "gslb", "adopt", str(site.file), site.api, "--provider", "cloud"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout
        asked = b""
        while b"[y/N]" not in asked:
            asked += os.read(process.stdout.fileno(), 1024)
        process.send_signal(signal.SIGINT)
        process.wait(5)
    assert process.returncode == 1
    assert Counter(aws.writes) == writes


def test_what_others_have_marked_is_refused_unless_it_is_taken_from_just_them(site: Site) -> None:
    marker = '"heritage=gslb,owner=them,fence=9,generation=9"'
    site.cloud.put(site.origin, "_gslb.api", marker, "TXT")
    writes = Counter(site.cloud.writes)
    for words in ((), ("--from", "others")):
        ended = adopt(site, site.api, *words)
        assert (ended.code, ended.out) == (1, "")
        text, remedy = (
            f"the record sets of {site.api} are marked as those of them",
            "name whom they are taken from: --from",
        )
        assert ended.err == f"{text}\n    {remedy} them\n"
    assert Counter(site.cloud.writes) == writes
    assert "run gslb adopt CONFIG" in site.plan().out
    assert adopt(site, site.api, "--from", "them").code == 0
    assert owners(site) == {"api": "istanbul-1"}


def test_a_conflict_names_the_command_that_ends_it(site: Site) -> None:
    """Word by word, but for CONFIG."""
    site.cloud.put(site.origin, "_gslb.api", '"heritage=gslb,owner=the others,fence=9,generation=9"', "TXT")
    (obstacle,) = site.planned()[1]["zones"][0]["obstacles"]
    command = obstacle["remedy"].partition("run gslb ")[2]
    words = [str(site.file) if word == "CONFIG" else word for word in shlex.split(command)]
    assert gslb(*words, "--yes").code == 0
    code, plan = site.planned()
    assert (code, plan["obstacles"], plan["changes"]) == (2, 0, 1)


def test_wildcards_and_names_in_other_letters_are_services_too(site: Site) -> None:
    site.cloud.put(site.origin, "*", THERE)
    site.write(api={}, **{"*": {}})
    assert adopt(site, f"*.{site.origin}", f"{site.api.upper()}.").code == 0
    assert owners(site) == {"api": "istanbul-1", "*": "istanbul-1"}


def test_what_is_ours_already_or_not_there_is_refused(site: Site) -> None:
    site.write(api={}, www={})
    assert adopt(site).code == 0
    assert f"the record sets of {site.api} are ours already" in adopt(site).err
    assert f"www.{site.origin} has no record sets there" in adopt(site, f"www.{site.origin}").err


def test_a_service_or_a_provider_that_does_not_exist_is_an_error(site: Site) -> None:
    site.write(
        {
            "zones": {site.origin: {"providers": ["cloud"]}, "example.org": {"providers": ["other"]}},
            "providers/other": {"type": site.cloud.type, **site.cloud.options},
            "services/www.example.org": {"regions": ["istanbul"]},
        }
    )
    for words, provider, said in (
        ([f"apy.{site.origin}"], "cloud", f"no service 'apy.{site.origin}'\n    did you mean "),
        ([site.api], "clod", "no provider 'clod'\n    did you mean 'cloud'?\n"),
        ([site.api], "embedded", "the embedded nameserver is told what to answer"),
        (["www.example.org"], "cloud", "www.example.org is not published at 'cloud'\n    it is at other\n"),
    ):
        ended = adopt(site, *words, provider=provider)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith(said)


def test_several_zones_are_adopted_in_one_go_or_none_where_one_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    site = Site(cloud, tmp_path / "gslb.toml")
    other = Site(cloud, tmp_path / "other.toml")
    cloud.put(site.origin, "api", THERE)
    services = {name: {"regions": ["istanbul"]} for name in (site.api, other.api)}
    zones = {origin: {"providers": ["cloud"]} for origin in (site.origin, other.origin)}
    site.write({"zones": zones, "services": services})
    ended = adopt(site, site.api, other.api)
    assert (ended.code, ended.out) == (1, "")
    assert f"{other.api} has no record sets there" in ended.err
    cloud.put(other.origin, "api", THERE)
    ended = adopt(site, site.api, other.api, "--yes")
    assert ended.code == 0
    assert [line for line in ended.out.splitlines() if line.startswith("adopted")] == [
        f"adopted in {each.origin} at cloud: {each.api}" for each in (site, other)
    ]


def test_somebody_who_was_faster_is_told_of(aws: Aws, tmp_path: Path) -> None:
    site = Site(aws, tmp_path / "gslb.toml")
    aws.put(site.origin, "api", THERE)
    theirs = '"heritage=gslb,owner=them,fence=1,generation=1"'
    aws.fake.faults.add(Fault(interfere=lambda: aws.put(site.origin, "_gslb.api", theirs, "TXT")))
    ended = adopt(site)
    assert ended.code == 1
    assert ended.err.startswith(f"somebody else has marked something of {site.api} meanwhile: ")
    assert ended.err.endswith("    nothing of that was written: look again, with the same command\n")
    assert owners(site) == {"api": "them"}


def test_an_outcome_that_is_not_known_is_told_of_and_the_same_again_is_safe(aws: Aws, tmp_path: Path) -> None:
    site = Site(aws, tmp_path / "gslb.toml")
    aws.put(site.origin, "api", THERE)
    aws.fake.faults.add(Fault(drop=Drop.PROCESSED))
    ended = adopt(site)
    assert ended.code == 1
    assert "it may have been written: the same command says whether they are ours already\n" in ended.err
    assert "ours already" in adopt(site).err


def test_a_provider_that_cannot_be_reached_is_an_error(site: Site) -> None:
    site.write({"providers/cloud/endpoint": f"http://127.0.0.1:{free_port()}"})
    ended = adopt(site)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err


async def test_a_running_writer_takes_over_what_was_in_its_way(site: Site) -> None:
    """A conflict first; then it is adopted, and a reload, of whatever, has it looked at again at once."""
    setups, steerings = site.setups(), await asyncio.to_thread(site.steerings)
    writers = Writers(Clock(), Told(), CollectorRegistry())
    writers.configure(setups)
    async with running(writers.run()):
        writers.publish(1, steerings, time.monotonic())
        await until(lambda: writers.places()[0].state is WriterState.BLOCKED)
        assert THERE in {value for it in await asyncio.to_thread(site.held) for value in it.values}
        assert (await asyncio.to_thread(adopt, site)).code == 0
        writers.configure(setups)
        await until(lambda: writers.places()[0].state in {WriterState.CONFIRMING, WriterState.CURRENT})
    held = await asyncio.to_thread(site.held)
    assert THERE not in str(held)
    (marker,) = (marker for marker, _ in markers(held).values())
    assert marker == Marker(marker.service, "istanbul-1", setups[0].fence, 1)
    code, plan = await asyncio.to_thread(site.planned)
    assert (code, plan["changes"]) == (0, 0)
