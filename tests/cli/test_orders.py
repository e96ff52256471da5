"""The commands by which people order, against a daemon's API: what they say, and with which exit code they end."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gslb.cli import orders
from gslb.cli.client import Daemon
from gslb.errors import GslbError
from gslb.model.names import RegionName
from tests.api.rig import Api, api_of
from tests.control.bench import API
from tests.control.rig import Endpoint, Lab
from tests.waiting import until

REASON = ("--reason", "kernel update", "--author", "ayse")
SHORT = 'ttl = { steady = "1s", alert = "0s" }\nhold = "1s"\n#'


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.store.writer.GATHER", 0.01)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Two regions that are always up, since nothing probes them."""
    lab = Lab(tmp_path, Endpoint("192.0.2.1", 80), Endpoint("192.0.2.2", 80))
    lab.write(lambda text: text.replace('["edge"]', "[]"))
    return lab


@pytest.fixture
async def api(lab: Lab) -> AsyncIterator[Api]:
    async with api_of(lab) as api:
        yield api


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


async def gslb(lab: Lab, *arguments: str) -> Ended:
    """What a command says to the daemon of this configuration."""
    return await ended(await started(lab, *arguments))


async def started(lab: Lab, *arguments: str) -> asyncio.subprocess.Process:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GSLB_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gslb", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=lab.file.parent,
        env=environment | {"COLUMNS": "80"},
    )


async def ended(process: asyncio.subprocess.Process) -> Ended:
    out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err
    assert all(len(line) <= 80 for line in out.decode().splitlines()), out.decode()
    return Ended(process.returncode, out.decode(), err.decode())


def kinds(api: Api) -> list[str]:
    return [order.kind.value for order in api.controller.orders.in_force]


# One command after the other


async def test_a_drain_says_when_it_will_be_over_and_how_to_undo_it(api: Api, lab: Lab) -> None:
    await until(lambda: api.controller.publishing._reach.ended)
    given = await gslb(lab, "drain", "istanbul", *REASON, "--for", "2h", "--ramp", "1m", "--service", "api.*")
    assert given.code == 0, given.err
    assert "istanbul is on its way out" in given.out
    assert "gslb undrain istanbul" in given.out
    (order,) = api.controller.orders.in_force
    assert (order.author, order.reason, order.service) == ("ayse", "kernel update", "api.*")
    assert order.expires is not None
    assert order.expires - order.created == pytest.approx(7200)
    assert order.drain is not None
    assert order.drain.ramp == 60.0
    lifted = await gslb(lab, "undrain", "istanbul", "--author", "mehmet", "--service", "api.*")
    assert (lifted.code, lifted.out) == (0, "istanbul may answer again\n")
    assert kinds(api) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("out", "istanbul/192.0.2.1:80"), "out for istanbul/192.0.2.1:80 is in force until"),
        (("up", "istanbul"), "up for istanbul is in force until"),
        (("weight", "istanbul", "10"), "weight 10 for istanbul is in force until"),
        (("ttl", "api.example.com", "9s"), "ttl 9 for api.example.com is in force until"),
    ],
)
async def test_what_is_forced_is_said_and_lifted(api: Api, lab: Lab, arguments: tuple[str, ...], said: str) -> None:
    given = await gslb(lab, "force", *arguments, *REASON, "--for", "1h")
    assert given.code == 0, given.err
    assert given.out.startswith(said)
    assert kinds(api) == [arguments[0]]
    lifted = await gslb(lab, "unforce", arguments[1], "--author", "mehmet")
    assert (lifted.code, lifted.out) == (0, f"lifted: {arguments[0]} for {arguments[1]}\n")
    assert kinds(api) == []


async def test_a_freeze_is_shown_and_lifted(api: Api, lab: Lab) -> None:
    given = await gslb(lab, "freeze", *REASON, "--for", "1h")
    assert given.out.startswith("freeze for * is in force until")
    shown = await gslb(lab, "orders")
    assert "FROZEN" in shown.out
    assert "kernel update" in shown.out
    assert "FROZEN" in (await gslb(lab, "status")).out
    lifted = await gslb(lab, "unfreeze", "--author", "mehmet")
    assert (lifted.code, lifted.out) == (0, "* follows health again\n")
    assert (await gslb(lab, "orders")).out == "no orders are in force\n"


async def test_all_orders_are_listed_for_people_and_as_json(api: Api, lab: Lab) -> None:
    await gslb(lab, "drain", "istanbul/192.0.2.1:80", *REASON)
    await gslb(lab, "force", "weight", "ankara", "7", *REASON, "--for", "1h", "--service", "api.example.com")
    lines = " ".join((await gslb(lab, "orders")).out.split())
    assert "draining: istanbul/192.0.2.1:80 (waiting until longer TTLs have passed" in lines
    assert "forced weight 7: ankara for api.example.com by ayse: kernel update, until" in lines
    asked = await gslb_json(lab, "orders")
    assert [order["kind"] for order in asked] == ["drain", "weight"]
    noted = [record for record in await gslb_json(lab, "history") if record["kind"] == "order"]
    assert [record["action"] for record in noted] == ["drain", "weight"]


async def gslb_json(lab: Lab, *arguments: str) -> list[dict[str, object]]:
    """The JSON that a command prints, whose lines may be of any length."""
    out, _ = await (await started(lab, *arguments, "--json")).communicate()
    found: list[dict[str, object]] = json.loads(out)
    return found


async def test_a_refusal_says_how_to_go_on_and_ends_in_1(api: Api, lab: Lab) -> None:
    await gslb(lab, "drain", "istanbul", *REASON)
    refused = await gslb(lab, "drain", "ankara", *REASON)
    assert (refused.code, refused.out) == (1, "")
    assert "would leave api.example.com without any endpoint" in refused.err
    assert "--force" in refused.err
    assert (await gslb(lab, "drain", "ankara", *REASON, "--force")).code == 0
    assert kinds(api) == ["drain", "drain"]


async def test_the_token_of_a_refusal_confirms_it(api: Api, lab: Lab) -> None:
    lab.file.write_text(lab.file.read_text() + '[safety]\nconfirm_above = "10%"\n')
    assert (await gslb(lab, "reload")).code == 0
    arguments = ("force", "out", "istanbul", *REASON, "--for", "1h")
    refused = await gslb(lab, *arguments)
    assert refused.code == 1
    found = re.search(r"--confirm (\w+)", refused.err)
    assert found is not None
    assert (await gslb(lab, *arguments, "--confirm", found[1])).code == 0
    assert kinds(api) == ["out"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("undrain", "istanbul"), "no order (drain) for istanbul is in force"),
        (("unforce", "istanbul"), "in force: none"),
        (("unfreeze",), "no order (freeze) for * is in force"),
        (("resume", "api.example.com", "istanbul", "--reason", "x"), "istanbul does not wait"),
    ],
)
async def test_what_is_not_in_force_cannot_be_lifted(api: Api, lab: Lab, arguments: tuple[str, ...], said: str) -> None:
    refused = await gslb(lab, *arguments)
    assert refused.code == 1
    assert said in refused.err
    assert api.controller.orders.in_force == ()


async def test_a_region_that_waits_is_let_in(api: Api, lab: Lab) -> None:
    text = lab.file.read_text()
    lab.file.write_text(text.replace("hold ", 'failback = "manual"\nhold '))
    await gslb(lab, "reload")
    pair = (API, RegionName("istanbul"))
    await gslb(lab, "force", "out", "istanbul", *REASON, "--for", "1h")
    assert pair in api.controller.engine.comebacks.states
    let_in = await gslb(lab, "resume", "api.example.com", "istanbul", *REASON)
    assert (let_in.code, let_in.out) == (0, "istanbul may answer for api.example.com again\n")


# Values


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [("out", None, None), ("up", None, None), ("weight", "0", 0), ("ttl", "1m", 60), ("ttl", "0s", 0)],
)
def test_a_value_is_what_the_kind_says(kind: str, text: str | None, value: int | None) -> None:
    assert orders._value(orders.Forced(kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("out", "5", "out takes no value"),
        ("up", "5", "up takes no value"),
        ("weight", None, "weight needs a value, as in: gslb force weight istanbul 10"),
        ("ttl", None, "ttl needs a value, as in: gslb force ttl api.example.com 5s"),
        ("weight", "1.5", "'1.5' is no weight; write a whole number"),
        ("weight", "many", "'many' is no weight"),
        ("ttl", "1500ms", "1500ms cannot be a TTL; write whole seconds"),
        ("ttl", "5", "not a duration"),
    ],
)
def test_what_is_no_value_of_the_kind_is_refused_before_anybody_is_asked(
    kind: str, text: str | None, said: str
) -> None:
    with pytest.raises(GslbError) as refusal:
        orders._value(orders.Forced(kind), text)
    assert said in str(refusal.value)


async def test_a_ramp_that_is_no_duration_is_refused(api: Api, lab: Lab) -> None:
    refused = await gslb(lab, "drain", "istanbul", *REASON, "--ramp", "soon")
    assert refused.code == 1
    assert "--ramp: " in refused.err
    assert kinds(api) == []


# Waiting


@pytest.fixture
def quick(lab: Lab) -> Lab:
    """TTLs are short."""
    lab.write(lambda text: text.replace('["edge"]', "[]").replace("hold", SHORT))
    return lab


async def test_who_waits_is_told_when_it_is_drained(quick: Lab) -> None:
    async with api_of(quick) as api:
        done = await gslb(quick, "drain", "istanbul", *REASON, "--wait")
        assert done.code == 0, done.err
        assert "istanbul is drained:\nno resolver that keeps to TTLs holds an answer with it\n" in done.out
        (order,) = api.controller.orders.in_force
        assert order.drain is not None
        assert order.drain.phase == "drained"


async def test_a_wait_for_what_is_lifted_ends_in_2(api: Api, lab: Lab) -> None:
    waiting = await started(lab, "drain", "istanbul", *REASON, "--wait")
    await until(lambda: kinds(api) == ["drain"], within=30.0)
    await gslb(lab, "undrain", "istanbul")
    done = await ended(waiting)
    assert done.code == orders.NOT_DRAINED == 2
    assert "the drain of istanbul was lifted before it was drained" in done.out


async def test_a_wait_for_one_that_another_has_replaced_ends_in_2(api: Api, lab: Lab) -> None:
    waiting = await started(lab, "drain", "istanbul", *REASON, "--wait")
    await until(lambda: kinds(api) == ["drain"], within=30.0)
    await gslb(lab, "drain", "istanbul", "--reason", "another one", "--author", "mehmet")
    assert (await ended(waiting)).code == orders.NOT_DRAINED


async def test_a_daemon_that_is_restarted_meanwhile_is_waited_for(quick: Lab) -> None:
    quick.write(lambda text: text.replace('["edge"]', "[]").replace("hold", SHORT.replace("1s", "4s")))
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(api_of(quick))
        waiting = await started(quick, "drain", "istanbul", *REASON, "--wait")
        await until(lambda: kinds(api) == ["drain"], within=30.0)
        await stack.aclose()
        assert waiting.returncode is None
        await stack.enter_async_context(api_of(quick))
        done = await ended(waiting)
    assert done.code == 0, done.err


def test_a_daemon_that_does_not_come_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "LOST", 0.05)
    monkeypatch.setattr(orders, "POLL", 0.01)
    nobody = Daemon("unix:/nowhere/api.sock", None)
    with pytest.raises(GslbError, match="no daemon at"):
        orders._look(nobody, {})
