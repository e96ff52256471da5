"""A monitor without a descriptor left, as a process of its own: prints what it has seen, first starved and then fed."""

import asyncio
import json
import os
import resource
import sys
from contextlib import suppress
from ipaddress import ip_address

from gslb.control.clock import Clock
from gslb.control.monitor import Monitor
from gslb.control.resolver import Resolver
from gslb.control.runner import CheckSetup
from gslb.model.address import Address
from gslb.model.observation import CheckKey, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.step import ProbeState, step
from probes.tcp import Tcp
from tests.control.bench import key
from tests.waiting import until

PACE = Pace(interval=0.01, timeout=10.0, confirm=0.005, confirm_timeout=10.0, tripwire=True)


async def main(port: int) -> None:
    states: dict[CheckKey, ProbeState] = {}
    seen: list[str] = []

    def deliver(result: ProbeResult) -> ProbeState:
        seen.append(str(result.observation.cause or "ok"))
        before = states.get(result.key, ProbeState())
        states[result.key] = step(before, result.observation, result.ended, PACE.thresholds)
        return states[result.key]

    monitor = Monitor(Clock(), Resolver(lambda _: None), deliver)
    setup = CheckSetup(Tcp(), PACE, Address(ip_address("127.0.0.1"), port))
    task = asyncio.create_task(monitor.run())
    await asyncio.sleep(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    taken = []
    with suppress(OSError):
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    monitor.configure({key(f"gw-{index}:80"): setup for index in range(10)})
    await until(lambda: len(seen) >= 200)
    starved = sorted(set(seen)), sorted({str(state.condition) for state in states.values()})
    for number in taken:
        os.close(number)
    seen.clear()
    await until(lambda: {str(state.condition) for state in states.values()} == {"up"})
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    print(json.dumps([*starved, sorted(set(seen))]))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
