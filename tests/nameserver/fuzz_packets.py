"""Coverage-guided fuzzing of the way from packet to response: ``make fuzz``, or with libFuzzer's own options behind it.

python -m tests.nameserver.fuzz_packets [-max_total_time=60] [CORPUS...]
"""

import logging
import sys
from random import Random

import atheris

with atheris.instrument_imports(include=["gslb.nameserver"]):
    from gslb.nameserver.responder import Responder
    from gslb.nameserver.settings import RateLimit, Settings
    from gslb.nameserver.table import compile_table
    from gslb.nameserver.tally import Tally
    from gslb.nameserver.transfer.access import Transfer, TsigKey
    from gslb.nameserver.wire import Rcode

from dataclasses import replace

import dns.exception
import dns.message
import structlog

from tests.nameserver.packets import KEY, seeds
from tests.nameserver.support import CLIENT, SNAPSHOT

SETTINGS = Settings(
    identity="fuzz",
    version="fuzz",
    cookie_secrets=("00" * 16,),
    rate_limit=RateLimit(1e6, 1e6),
    explain=("0.0.0.0/0",),
)
TRANSFER = Transfer(keys=(TsigKey("xfr.", "hmac-sha256", KEY),))


class Target:
    """A responder, and what must hold of whatever it is sent."""

    def __init__(self) -> None:
        self._responder = Responder()
        zones = tuple(replace(zone, transfer=TRANSFER) for zone in SNAPSHOT.zones)
        self._responder.adopt(compile_table(replace(SNAPSHOT, zones=zones, settings=SETTINGS), None, Random(1)))

    def __call__(self, packet: bytes) -> None:
        for answer, transport in ((self._responder.answer, "udp"), (self._responder.tcp, "tcp"), (self._first, "tcp")):
            tally = Tally(transport)
            response = answer(packet, CLIENT, tally)
            if len(packet) < 12 or packet[2] & 0x80:
                assert response is None
                continue
            assert response is not None
            assert response[:2] == packet[:2]
            assert response[2] & 0x80
            assert transport == "tcp" or len(response) <= 1232
            if not response[2] & 0x78:  # dnspython reads updates by rules of their own
                read(response)
            assert not tally.responses[Rcode.SERVFAIL] or b"down" in packet.lower(), "a fault of the responder"
        for _ in range(3):  # from a template, and ready; but for whose turn it is
            assert len(self._responder.answer(packet, CLIENT, Tally("udp")) or b"") == len(
                self._responder.build(self._responder.ready, packet, CLIENT, Tally("udp")) or b""
            )

    def _first(self, packet: bytes, source: str, tally: Tally) -> bytes | None:
        """The first of the responses over TCP, of which a transfer may have more."""
        return next(self._responder.stream(packet, source, tally), None)


def read(response: bytes) -> None:
    """Let dnspython read it, but for a client subnet without an address (RFC 7871, section 7.1.2), which it cannot."""
    try:
        dns.message.from_wire(response, keyring=False)
    except (ValueError, dns.exception.FormError) as error:
        if "unsupported family" not in str(error):
            raise


def main() -> None:
    """Fuzz until told to stop."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    target = Target()
    for seed in seeds():
        target(seed)
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
