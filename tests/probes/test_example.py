"""examples/custom-probe: the distribution registers its probe, and the probe works against a server."""

import asyncio
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from gslb.config.plugins import load_plugin
from gslb.model.observation import Cause
from probes.base import Target
from tests.probes.attempts import attempt

EXAMPLE = Path(__file__).parents[2] / "examples" / "custom-probe"


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The probe, found by the entry point that its pyproject.toml declares."""
    groups = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    metadata = tmp_path / "gslb_redis-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gslb-redis\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in entries.items()) for group, entries in groups.items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLE)
    yield load_plugin("probe", "redis")
    sys.modules.pop("gslb_redis", None)


@asynccontextmanager
async def server(*answers: bytes) -> AsyncIterator[Target]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"replication\r\n")
        writer.write(b"".join(answers))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield Target(ip_address("127.0.0.1"), port, f"127.0.0.1:{port}")


def info(role: str) -> bytes:
    text = f"# Replication\r\nrole:{role}\r\n".encode()
    return b"$%d\r\n%s\r\n" % (len(text), text)


async def test_a_server_that_answers_is_up(redis: Any) -> None:
    async with server(b"+PONG\r\n", info("master")) as target:
        assert (await attempt(redis(), target)).ok
        assert (await attempt(redis(role="primary"), target)).ok
        seen = await attempt(redis(role="replica"), target)
    assert (seen.cause, seen.detail) == (Cause.STATUS, "is no replica")


@pytest.mark.parametrize("answers", [[b"-NOAUTH\r\n"], [b"+PONG\r\n", b"$99\r\nshort"], [b"+PONG\r\n", b"?\r\n"]])
async def test_another_answer_is_a_protocol_failure(redis: Any, answers: list[bytes]) -> None:
    async with server(*answers) as target:
        assert (await attempt(redis(), target)).cause is Cause.PROTOCOL
