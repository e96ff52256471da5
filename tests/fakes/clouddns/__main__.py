"""Runs the fake as a process: prints where it is, as one line of JSON, and serves until it is told to stop."""

import argparse
import json
import signal
from collections.abc import Sequence

from tests.fakes.clouddns.server import FakeCloudDns


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.clouddns")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--project", default="p")
    parser.add_argument("--zone", action="append", default=[], metavar="DOMAIN", help="may be given several times")
    parser.add_argument("--propagation", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args(arguments)
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # before there are threads that could take them
    with FakeCloudDns(options.project, port=options.port, propagation=options.propagation) as fake:
        zones = {}
        for domain in options.zone:
            origin = f"{domain.removesuffix('.')}."
            zones[origin] = fake.create(origin.removesuffix(".").replace(".", "-"), origin).name
        print(json.dumps({"url": fake.url, "project": options.project, "zones": zones}), flush=True)
        signal.sigwait(stops)


if __name__ == "__main__":
    main()
