"""Commands and requests of escalations: what they are told, their time limit, and how many there are at once."""

import asyncio
import gc
import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gslb.config.receivers import ReceiverOptions
from gslb.control.hooks import Hooks, Outcome, _Owner, _words
from probes.net.command import Command
from tests.control.receivers import Receiver
from tests.waiting import free_port, until

VALUES: dict[str, Any] = {"id": "7", "region": "istanbul", "score": 0.25, "saturation": None}
LONG = 30.0


def sh(script: str, *arguments: str) -> list[str]:
    return ["/bin/sh", "-c", script, "sh", *arguments]


def alive(number: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(number, 0)
        return True
    return False


def owners() -> list[_Owner]:
    """Those of all commands under way."""
    return [each for each in gc.get_objects() if isinstance(each, _Owner)]


@pytest.fixture(autouse=True)
async def _reaped() -> AsyncIterator[None]:
    """What was killed is dead a moment later; the loop that hears of it lasts as long as the test."""
    yield
    commands = [each for each in gc.get_objects() if isinstance(each, Command)]
    await until(lambda: all(each._popen.returncode is not None for each in commands))


async def run(script: str, *arguments: str, limit: float = LONG) -> Outcome:
    return await Hooks().command(sh(script, *arguments), VALUES, limit)


async def test_a_command_that_ends_well_is_done_and_its_first_line_is_told() -> None:
    assert await run("echo; echo two more; echo never mind") == Outcome("done", "two more")
    assert await run("true") == Outcome("done", "")


async def test_places_in_arguments_are_filled_in_and_no_shell_reads_them() -> None:
    found = await Hooks().command(["/bin/echo", "{region};id", "{score}", "$HOME", "-{saturation}-"], VALUES, LONG)
    assert found == Outcome("done", "istanbul;id 0.25 $HOME --")


async def test_a_command_finds_what_it_is_about_on_its_input_and_in_its_environment() -> None:
    assert json.loads((await run("cat")).detail) == VALUES
    found = await run('echo "$GSLB_REGION $GSLB_SCORE <$GSLB_SATURATION> $GSLB_TIMEOUT $PATH $(pwd)"', limit=20)
    assert found.detail == "istanbul 0.25 <> 20 /usr/bin:/bin /"


async def test_nothing_else_of_the_environment_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    assert (await run('echo "<$TOKEN>"')).detail == "<>"


async def test_a_command_that_fails_tells_how() -> None:
    assert await run("echo no quota >&2; exit 3") == Outcome("failed", "exit code 3: no quota")
    assert await run("exit 1") == Outcome("failed", "exit code 1")
    assert await run("kill -9 $$") == Outcome("failed", "killed by signal 9")


async def test_a_command_that_cannot_be_started_fails() -> None:
    hooks = Hooks(most=1)
    for _ in range(3):  # and its slot is free again
        found = await hooks.command(["/nowhere/scale"], VALUES, LONG)
        assert found.word == "failed"
        assert "No such file or directory" in found.detail


def test_an_exit_code_that_somebody_else_took_is_no_success() -> None:
    assert "somebody else" in _words(None)
    assert _words(0) == ""


async def test_at_its_time_limit_a_command_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers"
    found = await run(f"sleep 3600 & echo $$ $! > {numbers}; wait", limit=1.0)
    assert found == Outcome("timeout", "killed after 1 s")
    for number in map(int, numbers.read_text().split()):
        await until(lambda number=number: not alive(number))  # type: ignore[misc]


async def test_output_without_end_is_not_read_to_the_end() -> None:
    found = await run("yes")
    assert (found.word, found.detail[:31]) == ("failed", "killed for too much output: y")


async def test_only_so_many_run_at_once_and_the_others_wait(tmp_path: Path) -> None:
    hooks = Hooks(most=2)

    def begun() -> set[str]:
        return {file.name for file in tmp_path.glob("begun-*")}

    script = f"touch {tmp_path}/begun-$1; until test -e {tmp_path}/go-$1; do sleep 0.01; done"
    tasks = [asyncio.create_task(hooks.command(sh(script, str(number)), VALUES, LONG)) for number in range(5)]
    await until(lambda: begun() == {"begun-0", "begun-1"})
    tasks[2].cancel()
    (tmp_path / "go-0").touch()
    await until(lambda: begun() == {"begun-0", "begun-1", "begun-3"})
    assert not tasks[1].done()
    for number in range(1, 5):
        (tmp_path / f"go-{number}").touch()
    await until(lambda: all(task.done() for task in tasks))
    assert {task.result().word for task in tasks if not task.cancelled()} == {"done"}
    assert begun() == {"begun-0", "begun-1", "begun-3", "begun-4"}


async def test_a_hook_that_is_cancelled_is_killed_and_its_slot_is_free_again(tmp_path: Path) -> None:
    hooks, number = Hooks(most=1), tmp_path / "number"
    running = asyncio.create_task(
        hooks.command(sh(f"echo $$ > {number}.new; mv {number}.new {number}; sleep 3600"), VALUES, LONG)
    )
    await until(number.exists)
    waiting = asyncio.create_task(hooks.command(sh("true"), VALUES, LONG))
    await asyncio.sleep(0)
    for task in (running, waiting):
        task.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    await until(lambda: not alive(int(number.read_text())))
    assert (await hooks.command(sh("true"), VALUES, LONG)).word == "done"


async def test_a_hook_that_is_cancelled_as_it_gets_its_slot_gives_it_back() -> None:
    hooks = Hooks(most=1)
    for _ in range(3):
        task = asyncio.create_task(hooks.command(sh("true"), VALUES, LONG))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await hooks.command(sh("true"), VALUES, LONG)).word == "done"


async def test_a_hook_that_is_cancelled_as_it_ends_is_cancelled() -> None:
    """Or its end would be told of an escalation that is no more."""
    hooks = Hooks()
    task = asyncio.create_task(hooks.command(sh("sleep 3600"), VALUES, LONG))
    await until(owners)
    owners()[0].exited()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await hooks.command(sh("true"), VALUES, LONG)).word == "done"


async def test_a_receiver_is_told_what_it_is_about_and_may_verify_it() -> None:
    async with Receiver().listening() as receiver:
        found = await Hooks().webhook(ReceiverOptions(url=receiver.url, secret="hunter2"), VALUES, LONG)
    assert found == Outcome("done", "HTTP 200")
    (got,) = receiver.got
    assert got.document == VALUES
    assert got.headers["Gslb-Id"] == "7"
    assert got.headers["Gslb-Signature"].startswith("v1=")


async def test_a_template_is_filled_in() -> None:
    async with Receiver().listening() as receiver:
        options = ReceiverOptions(url=receiver.url, template={"scale": "{region}", "by": 2})
        await Hooks().webhook(options, VALUES, LONG)
    assert receiver.got[0].document == {"scale": "istanbul", "by": 2}


async def test_a_receiver_that_refuses_is_asked_once() -> None:
    reply = web.Response
    async with Receiver(reply=lambda _: reply(status=503, text="no\nquota")).listening() as receiver:
        found = await Hooks().webhook(ReceiverOptions(url=receiver.url), VALUES, LONG)
    assert found == Outcome("failed", "HTTP 503: no")
    assert len(receiver.got) == 1


async def test_a_receiver_that_is_not_there_or_not_in_time_has_failed() -> None:
    gone = await Hooks().webhook(ReceiverOptions(url=f"http://127.0.0.1:{free_port()}/"), VALUES, LONG)
    assert gone.word == "failed"
    async with Receiver(reply=lambda _: None).listening() as receiver:
        late = await Hooks().webhook(ReceiverOptions(url=receiver.url), VALUES, 0.05)
    assert late == Outcome("timeout", "no answer within 0.05 s")


async def test_a_hook_that_is_cancelled_while_its_slot_is_on_its_way_gives_it_back() -> None:
    hooks = Hooks(most=1)
    first = asyncio.create_task(hooks.command(sh("sleep 3600"), VALUES, 0.2))
    second = asyncio.create_task(hooks.command(sh("true"), VALUES, LONG))
    await asyncio.sleep(0)
    hooks._slots._waiting[0]()  # as when a slot is free
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await first).word == "timeout"
    assert (await hooks.command(sh("true"), VALUES, LONG)).word == "done"
