"""The gateway as a process of its own, and what keeps it from starting."""

import asyncio
import json
import os
import signal
import sys
import textwrap
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gslb.errors import ListenError
from gslb.model.address import Address, parse_address
from tests.gateway.rig import ANY_PORT, DEADLINE, gateway, get, talk, upstream
from tests.waiting import until

SCRIPT = textwrap.dedent("""
    import asyncio, sys, uvloop
    from gslb.gateway.run import run_gateway
    from gslb.gateway.backend import run_backend
    from gslb.model.address import Address, parse_address
    from gslb.model.gateway import Gateway
    from ipaddress import ip_address

    ANY = Address(ip_address("127.0.0.1"), 0)

    def ready(addresses):
        print(*addresses, flush=True)

    if sys.argv[1] == "backend":
        asyncio.run(run_backend(ANY, "b1", "istanbul", ready=lambda address: ready([address])))
    else:
        settings = Gateway("istanbul", (ANY,), (parse_address(sys.argv[1]),), drain_delay=float(sys.argv[2]))
        run = uvloop.run if sys.argv[3] == "uvloop" else asyncio.run
        sys.exit(run(run_gateway(settings, version="1", config_version="c", ready=ready)))
""")


here_on_asyncio = pytest.mark.asyncio(loop_factories=["asyncio"])
"""The process chooses its own loop."""


@asynccontextmanager
async def process(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, *arguments, stdout=PIPE, stderr=PIPE, env=os.environ | environment
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def address_of(running: asyncio.subprocess.Process) -> Address:
    """The address is the last thing a process says when it is ready; log lines come before it."""
    assert running.stdout
    async with asyncio.timeout(DEADLINE):
        async for line in running.stdout:
            if line.startswith(b"127.0.0.1:"):
                return parse_address(line.decode().strip())
    pytest.fail("it did not get ready")


async def draining(address: Address) -> None:
    """Wait until health says so."""

    async def says_so() -> bool:
        document = json.loads((await talk(address, get("/healthz"))).body)
        return bool(document["state"] == "draining")

    await until(says_so)


@here_on_asyncio
@pytest.mark.parametrize(("stop", "loop"), [(signal.SIGTERM, "uvloop"), (signal.SIGINT, "asyncio")])
async def test_a_signal_drains_it_and_what_it_streams_finishes_whole(stop: signal.Signals, loop: str) -> None:
    async with process("backend") as backend:
        async with process(str(await address_of(backend)), "0.6", loop) as running:
            address = await address_of(running)
            reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
            writer.write(get("/slow?seconds=1"))
            await reader.readuntil(b"tick")
            running.send_signal(stop)
            await draining(address)
            rest = await reader.read()
            writer.close()
            assert rest.count(b"tick") == 9
            assert rest.endswith(b"\r\n0\r\n\r\n")
            async with asyncio.timeout(DEADLINE):
                assert await running.wait() == 0
        backend.send_signal(stop)
        async with asyncio.timeout(DEADLINE):
            assert await backend.wait() == 0


@here_on_asyncio
async def test_a_second_signal_ends_it_at_once() -> None:
    async with process("backend") as backend, process(str(await address_of(backend)), "30", "uvloop") as running:
        address = await address_of(running)
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        writer.write(get("/slow?seconds=30"))
        await reader.readuntil(b"tick")
        running.send_signal(signal.SIGTERM)
        await draining(address)
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            assert await running.wait() == 0
        writer.close()


async def test_an_address_in_use_is_named_with_its_key_and_a_remedy() -> None:
    async with upstream() as seen:
        with pytest.raises(ListenError) as caught:
            async with gateway(seen.address, listen=(ANY_PORT, seen.address)):
                pytest.fail("it started")
    error = caught.value
    assert (error.address, error.key) == (str(seen.address), "gateways.istanbul.listen")
    assert error.reason == "Address already in use"
    assert error.remedy


@here_on_asyncio
async def test_without_the_c_parser_it_does_not_start() -> None:
    async with process("127.0.0.1:1", "0", "asyncio", AIOHTTP_NO_EXTENSIONS="1") as running:
        _, errors = await running.communicate()
    assert running.returncode == 1
    assert b"GslbError: aiohttp runs without its C parser" in errors


async def test_several_addresses_are_served() -> None:
    async with upstream() as seen, gateway(seen.address, listen=(ANY_PORT, ANY_PORT)) as running:
        assert len({address.port for address in running.addresses}) == 2
        for address in running.addresses:
            assert (await talk(address, get("/"))).status == 200
