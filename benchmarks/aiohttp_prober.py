"""What a Python programmer would write first: a prober on aiohttp's ClientSession, as fast as that can be made.

uvloop; prepared URLs; no cookies, no redirects, no decompression, no environment; one task a probe; the body is read
only where the connection is kept. A total timeout stays, as a prober without one is none.
"""

import argparse

import aiohttp
import uvloop
import yarl

from benchmarks.account import Account
from benchmarks.origin import PATH, addresses
from benchmarks.pacer import pace

TIMEOUT = 1.0
OK = 200


async def probe_all(endpoints: int, port: int, rate: float, *, keep: bool) -> None:
    """Probe ``endpoints`` addresses in turn, ``rate`` probes per second, until standard input ends."""
    urls = [yarl.URL(f"http://{address}:{port}{PATH}") for address in addresses(endpoints)]
    async with _session(keep=keep) as session:

        async def probe(number: int) -> bool:
            try:
                async with session.get(urls[number % endpoints], allow_redirects=False) as answer:
                    if keep:
                        await answer.read()
                    return answer.status == OK
            except (aiohttp.ClientError, TimeoutError):
                return False

        await pace(rate, Account(), probe)


def _session(*, keep: bool) -> aiohttp.ClientSession:
    kept = aiohttp.TCPConnector(limit=0, keepalive_timeout=3600) if keep else None
    return aiohttp.ClientSession(
        connector=kept or aiohttp.TCPConnector(limit=0, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        trust_env=False,
    )


def main() -> None:
    """Run as a process of its own; see ``account``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="probes per second")
    parser.add_argument("--keep", action="store_true", help="keep connections alive")
    given = parser.parse_args()
    uvloop.run(probe_all(given.endpoints, given.port, given.rate, keep=given.keep))


if __name__ == "__main__":
    main()
