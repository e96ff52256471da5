"""The running demo: backends, gateways and the daemon, and a socket to break and heal them by."""

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from importlib.resources import files
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode

from gslb.cli.demo import blackhole
from gslb.cli.demo.clouds import Clouds, find_fakes
from gslb.cli.demo.errors import DemoError
from gslb.cli.demo.folder import SOCKET, make_demo_folder
from gslb.cli.demo.processes import PATIENCE, Processes
from gslb.cli.places import SUPERVISOR, lock_file
from gslb.cli.preflight import check_start
from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.errors import GslbError
from gslb.model.names import RegionName
from gslb.supervisor.lockfile import hold_lock
from gslb.supervisor.process import retire

SERVICE = "api.example.com"
READY_WITHIN = 15.0
WATCH = 0.5
MAX_LINE = 4096

_INTRODUCTION = """
Istanbul and Ankara are up; {service} is answered 60 to 40. Try, in another terminal:

    dig @{dns_host} -p {dns_port} {service}
    curl -s http://$(dig +short @{dns_host} -p {dns_port} {service} | head -1):8080/
    {gslb} status
    {gslb} demo kill istanbul         kill -9 of Istanbul's gateway
    {gslb} explain {service}
    {gslb} demo heal istanbul         and it comes back, after three good probes and 5 s of hold
    {gslb} demo blackhole istanbul    packets to it vanish (root)
    {gslb} drain istanbul --reason update --wait      out so that nobody notices; then gslb undrain istanbul
    {gslb} history

API and metrics: http://{api}/v1/status   http://{api}/metrics
Ctrl-C ends everything. What happens is logged below.
"""


async def run_demo(*, with_clouds: bool = False) -> None:
    """Run the demo until SIGINT or SIGTERM.

    Args:
        with_clouds: publish at stand-ins for cloud providers as well.

    Raises:
        GslbError: it cannot start; nothing is left behind.
    """
    clouds = Clouds(find_fakes()) if with_clouds else None
    folder = make_demo_folder()
    with hold_lock(folder / "demo.lock", sys.orig_argv):
        configuration = _prepare(folder, clouds)
        print("gslb demo: starting two regions, their gateways, the daemon and its nameserver", flush=True)
        async with AsyncExitStack() as stack:
            stage = _Stage(folder, configuration, clouds)
            stack.push_async_callback(stage.stop)
            stopping = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, stopping.set)
            await stage.start()
            socket = folder / SOCKET
            socket.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(stage.serve, socket, limit=MAX_LINE)
            stack.callback(server.close)
            await _first(stopping.wait(), _introduce(configuration, stage))
            await _first(stopping.wait(), stage.watch())
            print("gslb demo: ending", flush=True)


def _prepare(folder: Path, clouds: Clouds | None) -> Configuration:
    """A configuration and an empty state, and every address free."""
    for name in ("gslb.toml", "example.com.zone"):
        text = files("gslb.cli.demo").joinpath(name).read_text()
        (folder / name).write_text(clouds.configure(text) if clouds and name == "gslb.toml" else text)
    configuration = load(folder / "gslb.toml")
    configuration.run_folder.mkdir(mode=0o700, exist_ok=True)
    with hold_lock(lock_file(configuration.run_folder, SUPERVISOR), sys.orig_argv):
        retire(configuration.run_folder, {SUPERVISOR}, PATIENCE)
        shutil.rmtree(configuration.run_folder)
    for leftover in (*folder.glob("gslb.db*"), *folder.glob("gslb.overrides.json*")):
        leftover.unlink()
    check_start(configuration)
    return configuration


async def _first(*waits: Coroutine[None, None, object]) -> None:
    """Wait for the first to end, and cancel the others."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)
    for task in done:
        task.result()


async def _introduce(configuration: Configuration, stage: "_Stage") -> None:
    """Wait for the first answer, then say what to try."""
    listen = configuration.nameserver.listen[0]
    query = dns.message.make_query(SERVICE, "A")
    try:
        async with asyncio.timeout(READY_WITHIN):
            while not await _answers(query, str(listen.host), listen.port):
                stage.check()
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise DemoError(f"no answer from {listen} within {READY_WITHIN:.0f} s; see the log above") from None
    gslb = "gslb" if shutil.which("gslb") else str(Path(sys.argv[0]))
    text = _INTRODUCTION.format(
        service=SERVICE, dns_host=listen.host, dns_port=listen.port, api=configuration.api.listen, gslb=gslb
    )
    print(text if stage.clouds is None else f"{text}{stage.clouds.introduction(gslb, configuration.path)}", flush=True)


async def _answers(query: dns.message.Message, host: str, port: int) -> bool:
    with suppress(OSError, dns.exception.DNSException):
        response = await dns.asyncquery.udp(query, host, port=port, timeout=0.5)
        return response.rcode() == dns.rcode.NOERROR and bool(response.answer)
    return False


class _Stage:
    """All that runs, and what can be done to it."""

    def __init__(self, folder: Path, configuration: Configuration, clouds: Clouds | None) -> None:
        self._configuration, self.clouds = configuration, clouds
        self._path = str(folder / "gslb.toml")
        self._processes = Processes(folder)
        self._killed: set[str] = set()
        self._blackholes: set[str] = set()

    async def start(self) -> None:
        """Start everything."""
        if self.clouds is not None:
            await self.clouds.start(self._processes)
        for region, gateway in self._configuration.gateways.items():
            with suppress(blackhole.BlackholeError):  # one that a demo left behind when it was killed
                await blackhole.remove(region)
            addresses = [str(upstream) for upstream in gateway.upstreams]
            await self._processes.start(f"backends-{region}", "gslb.cli.demo.backends", [region, *addresses])
            await self._start_gateway(region)
        environment = self.clouds.credentials if self.clouds else {}
        await self._processes.start("daemon", "gslb", ["run", self._path], environment)

    async def _start_gateway(self, region: str) -> None:
        await self._processes.start(f"gateway-{region}", "gslb", ["gateway", self._path, "--region", region])

    def check(self) -> None:
        """Raise if something ended that nobody killed.

        Raises:
            DemoError: naming it.
        """
        ended = [name for name in self._processes.dead() if name not in self._killed]
        if ended:
            raise DemoError(f"{', '.join(ended)} ended unexpectedly; see the log above")

    async def watch(self) -> None:
        """Return only by raising, when something ends that nobody killed."""
        while True:
            self.check()
            await asyncio.sleep(WATCH)

    async def stop(self) -> None:
        """End everything and undo every blackhole."""
        for region in self._blackholes:
            with suppress(blackhole.BlackholeError):
                await blackhole.remove(region)
        for region in self._configuration.gateways:  # nobody is left whom it would have to spare
            await self._processes.kill(f"gateway-{region}")
        await self._processes.stop()
        retire(self._configuration.run_folder, {SUPERVISOR}, PATIENCE)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request on the demo's socket: a line of JSON each way."""
        try:
            async with asyncio.timeout(30.0):
                request = json.loads(await reader.readline())
                text, ok = await self._do(str(request["action"]), str(request["region"])), True
        except GslbError as error:
            text, ok = str(error), False
        except (ValueError, KeyError, TypeError, TimeoutError):
            text, ok = "not a request", False
        writer.write(json.dumps({"ok": ok, "text": text}).encode() + b"\n")
        with suppress(OSError):
            await writer.drain()
        writer.close()

    async def _do(self, action: str, region: str) -> str:
        gateway = self._configuration.gateways.get(RegionName(region))
        if gateway is None:
            raise DemoError(f"no region {region!r}; known: {', '.join(self._configuration.gateways)}")
        match action:
            case "kill":
                self._killed.add(f"gateway-{region}")
                killed = await self._processes.kill(f"gateway-{region}")
                return f"the gateway of {region} {'was killed' if killed else 'is dead already'}"
            case "restart":
                self._killed.add(f"gateway-{region}")
                await self._processes.end(f"gateway-{region}", gateway.drain_delay + PATIENCE)
                await self._heal(region)
                return f"the gateway of {region} was restarted"
            case "blackhole":
                await blackhole.add(region, gateway.listen[0])
                self._blackholes.add(region)
                return f"packets to {gateway.listen[0]} are dropped"
            case "heal":
                await self._heal(region)
                return f"the gateway of {region} runs and can be reached"
        raise DemoError(f"unknown action {action!r}")

    async def _heal(self, region: str) -> None:
        if region in self._blackholes:
            await blackhole.remove(region)
            self._blackholes.discard(region)
        await self._start_gateway(region)
        self._killed.discard(f"gateway-{region}")
