"""Entry of the control process: puts the parts together and runs them until told to stop."""

import asyncio
import gc
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from datetime import UTC, timedelta
from pathlib import Path

import structlog
import uvloop
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from gslb.api.auth import read_token
from gslb.api.routes import make_app
from gslb.api.server import serving
from gslb.cli.cookies import own_cookie_secret
from gslb.cli.places import API_SOCKET, CONTROL, TIMELINE, TOKEN, lock_file, worker_names, worker_socket
from gslb.config.configuration import Configuration
from gslb.control.clock import Clock
from gslb.control.controller import Controller
from gslb.control.descriptors import share_out
from gslb.control.reload import keep, load_or_accepted, reload_file, report
from gslb.errors import ConfigError, GslbError
from gslb.store.journal import Journal
from gslb.store.segments import Limits
from gslb.store.store import open_store
from gslb.store.timeline import Timeline
from gslb.supervisor.descriptors import raise_limit
from gslb.supervisor.lockfile import hold_lock
from gslb.supervisor.privileges import CAP_NET_BIND_SERVICE, give_up, withhold
from gslb.telemetry.log import configure_log
from gslb.telemetry.metrics import Metrics
from providers.embedded import Embedded

log = structlog.get_logger(__name__)

FIRST_FREE_PORT = 1024
"""The first port that anybody may bind."""
COLLECT_AFTER = 20_000
"""Objects made and not yet freed before the collector looks at the youngest."""
SWITCH_INTERVAL = 0.0005
"""Seconds that another thread of this process, reading history say, can keep the probing one waiting."""


def main() -> int:
    """Run until told to stop; returns the exit code."""
    share_interpreter()
    calm_collector()  # before thousands of services are decided for the first time
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # there is nothing to reload yet
    try:
        path, folder, digest, _code, _api = sys.argv[1:]  # the latter tell command lines apart
        with hold_lock(lock_file(Path(folder), CONTROL), sys.orig_argv):
            configuration, fault = load_or_accepted(Path(path), Path(folder), digest)
            configure_log(configuration.log.format, configuration.log.level, CONTROL)
            confine(configuration.api.listen.port)
            if fault is not None:
                report("configuration cannot be used, starting with the one accepted before", fault)
            uvloop.run(_run(configuration, stale=fault is not None))
    except GslbError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _run(configuration: Configuration, *, stale: bool) -> None:
    folder = configuration.run_folder
    async with AsyncExitStack() as stack:
        controller, timeline = _assemble(configuration, stack)
        controller.metrics.stale.set(stale)
        app = make_app(controller, read_token(folder / TOKEN))
        work = asyncio.create_task(controller.run())
        _handle_signals(controller, work)
        await stack.enter_async_context(serving(app, configuration.api.listen, folder / API_SOCKET))
        scheduler = _schedule(controller, timeline)
        stack.callback(scheduler.shutdown, wait=False)
        if not stale:
            keep(controller.configuration)
        calm_collector()
        log.info("control ready", version=configuration.version, api=str(configuration.api.listen))
        with suppress(asyncio.CancelledError):
            await work
    log.info("control stopped")


def confine(port: int) -> None:
    """Give up the right to bind low ports that the supervisor has for nameservers, unless the API needs it.

    Programs of probes and hooks have it in no case. Root is left as it is. To be called before there are threads.
    """
    if os.geteuid() == 0:
        return
    if port < FIRST_FREE_PORT:
        withhold(CAP_NET_BIND_SERVICE)
    else:
        give_up(CAP_NET_BIND_SERVICE)


def share_interpreter() -> None:
    """Let no other thread of this process, reading history say, keep the probing one waiting for long."""
    sys.setswitchinterval(SWITCH_INTERVAL)


def calm_collector() -> None:
    """Keep the cyclic garbage collector from what will stay: a pass over it all would hold up the probes.

    Attempts end without cycles, so there is little for it to find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def _assemble(configuration: Configuration, stack: AsyncExitStack) -> tuple[Controller, Timeline]:
    metrics, folder, bounds = Metrics(), configuration.run_folder, configuration.node.journal
    store = open_store(configuration.database, metrics.registry)
    stack.callback(store.close)
    limits = Limits(max_age=bounds.max_age, max_bytes=bounds.max_megabytes * 2**20)
    journal = Journal(folder / "journal", metrics.registry, limits)
    stack.callback(journal.close)
    timeline = Timeline(folder / TIMELINE, metrics.registry)
    stack.callback(timeline.close)
    sockets = [worker_socket(folder, name) for name in worker_names(configuration.nameserver.workers)]
    listen = configuration.nameserver.listen
    embedded = Embedded(sockets, configuration.zones, (own_cookie_secret(folder),), listen)
    budget, sinks = share_out(raise_limit()), [timeline.append]
    controller = Controller(configuration, store, journal, embedded, metrics, Clock(), budget, sinks)
    controller.restore(store.load_state())
    return controller, timeline


def _handle_signals(controller: Controller, work: asyncio.Task[None]) -> None:
    loop, reloads = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    async def reload() -> None:
        with suppress(ConfigError):  # logged where it was found
            await reload_file(controller)

    def on_hangup() -> None:
        task = loop.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)


def _schedule(controller: Controller, timeline: Timeline) -> AsyncIOScheduler:
    """The slow jobs; nothing that decides or answers waits for them."""
    scheduler = AsyncIOScheduler(timezone=UTC)

    def retain() -> None:
        keep = timedelta(seconds=controller.configuration.node.retention)
        before = controller.clock.utc() - keep
        controller.store.retain(before)
        timeline.retain(before)

    # A run that was missed while the process or the machine stood still is made up for.
    scheduler.add_job(retain, "interval", hours=1, jitter=60, coalesce=True, misfire_grace_time=None)
    scheduler.start()
    return scheduler


if __name__ == "__main__":
    sys.exit(main())
