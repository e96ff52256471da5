"""Asks blackbox_exporter for probes as Prometheus would, at a steady rate: it does not probe on its own."""

import argparse
import urllib.parse

import aiohttp
import uvloop
import yarl

from benchmarks.account import Account
from benchmarks.origin import PATH, addresses
from benchmarks.pacer import pace

TIMEOUT = 5.0
SUCCESS = b"\nprobe_success 1"


async def drive(exporter: int, endpoints: int, port: int, rate: float) -> None:
    """Have ``endpoints`` addresses probed in turn by the exporter at a port of 127.0.0.1."""
    targets = (urllib.parse.quote(f"http://{address}:{port}{PATH}", safe="") for address in addresses(endpoints))
    urls = [yarl.URL(f"http://127.0.0.1:{exporter}/probe?module=http&target={t}", encoded=True) for t in targets]
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3600), timeout=aiohttp.ClientTimeout(total=TIMEOUT)
    ) as session:

        async def ask(number: int) -> bool:
            try:
                async with session.get(urls[number % endpoints]) as answer:
                    return SUCCESS in await answer.read()
            except (aiohttp.ClientError, TimeoutError):
                return False

        await pace(rate, Account(), ask)


def main() -> None:
    """Run as a process of its own; see ``account``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exporter", type=int, required=True, help="the exporter's port")
    parser.add_argument("--endpoints", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="probes per second")
    given = parser.parse_args()
    uvloop.run(drive(given.exporter, given.endpoints, given.port, given.rate))


if __name__ == "__main__":
    main()
