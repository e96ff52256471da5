"""``make bench-providers``: what a change takes from its decision until a provider has it, and what of that is our own.

Against stand-ins of Route 53 and Cloud DNS that have all at once, each in a process of its own; beside it the SDKs
alone, with the same requests. ``--throttled`` lets all zones of an account fail over that takes one request a second,
for which it needs minutes.
"""

import argparse
import asyncio
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import structlog
from rich.console import Console

from benchmarks.processes import unwind_on_signals
from benchmarks.tools import machine, positive
from tests.bench.providers.bare import bare
from tests.bench.providers.changes import changes, stand_in
from tests.bench.providers.report import Measured, changes_table, courses_table, document
from tests.bench.providers.throttled import Course, Load, fail_over
from tests.e2e.clouds import CREDENTIALS, aws, gcp

NAMES = {"route53": "Route 53", "clouddns": "Cloud DNS"}
LOADS = (Load(), Load(told=False))


def main() -> None:
    """Measure, print, and write."""
    given = _arguments()
    unwind_on_signals()
    os.environ |= CREDENTIALS
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    facts = machine((), ("boto3", "google-cloud-dns", "aiohttp"))
    with Console(stderr=True).status("") as status:
        measured = {}
        for kind, name in NAMES.items():
            status.update(f"{name}: {given.changes} changes")
            measured[name] = _measured(kind, given.changes)
        print(", ".join(f"{name} {value}" for name, value in facts.items()), changes_table(measured), sep="\n\n")
        for load in LOADS if given.throttled else ():
            status.update(f"{load.zones} zones, {load.rate:g} requests a second")
            print("", courses_table(load, asyncio.run(_courses(load))), sep="\n")
    if given.json:
        given.json.write_text(json.dumps(document(measured, facts), indent=1) + "\n", encoding="utf-8")


def _measured(kind: str, count: int) -> Measured:
    with stand_in(kind) as table:
        found = asyncio.run(changes(kind, table, count))
    with stand_in(kind) as table:
        return Measured(found, bare(kind, table, count))


async def _courses(load: Load) -> Mapping[str, Course]:
    """At both at once: they have nothing to do with each other."""
    with aws(*load.origins) as amazon, gcp(*load.origins) as google:
        found = await asyncio.gather(fail_over(amazon, load), fail_over(google, load))
    return dict(zip(NAMES.values(), found, strict=True))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench-providers", description="What a change at a provider takes, and what of that is our own."
    )
    parser.add_argument("--changes", type=positive, default=200)
    parser.add_argument("--throttled", action="store_true", help="an account with one request a second besides")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
