"""A fake Route 53 as a process: its URL and the ids of its zones in a line of JSON, then it serves."""

import argparse
import json
import signal
from contextlib import ExitStack, suppress
from functools import partial

from tests.fakes.nameserver import Nameserver
from tests.fakes.route53.fake import FakeRoute53
from tests.fakes.route53.quota import Quota
from tests.fakes.route53.store import Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.route53", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="to listen on; 0: a free one")
    parser.add_argument("--zone", action="append", default=[], help="a hosted zone to start with; may be repeated")
    parser.add_argument("--propagation", type=float, default=0.0, help="seconds until a change is at all name servers")
    parser.add_argument("--burst", type=float, default=50, help="requests at once, for each action")
    parser.add_argument("--rate", type=float, default=10, help="requests a second after that")
    parser.add_argument("--dns", type=int, default=0, help="port of a nameserver over UDP; 0: none")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = Settings(propagation=options.propagation)
    with ExitStack() as stack:
        quota = Quota(options.burst, options.rate)
        fake = stack.enter_context(FakeRoute53(options.port, quota=quota, settings=settings))
        if options.dns:
            answers = partial(fake.answers, server=0)
            stack.enter_context(Nameserver(answers, port=options.dns))
        zones = {name: fake.zone(name) for name in options.zone}
        print(json.dumps({"url": fake.url, "zones": zones}), flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
