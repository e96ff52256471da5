"""Runs the fake as a process: prints where it is, as one line of JSON, and serves until it is told to stop."""

import argparse
import json
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from tests.fakes.clouddns.server import FakeCloudDns
from tests.fakes.nameserver import Nameserver


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.clouddns")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--project", default="p")
    parser.add_argument("--zone", action="append", default=[], metavar="DOMAIN", help="may be given several times")
    parser.add_argument("--propagation", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--dns", type=int, default=0, metavar="PORT", help="a nameserver over UDP; 0: none")
    options = parser.parse_args(arguments)
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # before there are threads that could take them
    with ExitStack() as stack:
        fake = stack.enter_context(FakeCloudDns(options.project, port=options.port, propagation=options.propagation))
        zones = {}
        for domain in options.zone:
            origin = f"{domain.removesuffix('.')}."
            zones[origin] = fake.create(origin.removesuffix(".").replace(".", "-"), origin).name
        if options.dns:
            server = min(server for name in zones.values() for server in fake.zone(name).servers)
            stack.enter_context(Nameserver(partial(fake.answers, server=server), port=options.dns))
        print(json.dumps({"url": fake.url, "project": options.project, "zones": zones}), flush=True)
        signal.sigwait(stops)


if __name__ == "__main__":
    main()
