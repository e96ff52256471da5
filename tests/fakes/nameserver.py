"""A nameserver over UDP that answers what a fake says its servers would, so that dig and witnesses can ask.

Of answers that are given with some probability one is drawn, and of those that carry several values as many as the
probabilities add up to. Names without any answer are NOERROR and empty: neither fake tells NXDOMAIN from NODATA.
"""

import random
import socket
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from ipaddress import ip_network
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from gslb.model.location import Client

Answers = Callable[[str, str, Client], Mapping[str, Fraction]]
"""The odds of each value, by name, type and client."""


class Nameserver:
    """One authoritative server, from the start of the ``with`` block to its end.

    Args:
        answers: what is asked for each query.
        host: where to listen.
        port: 0: a free one.
        ttl: seconds, of all answers.
    """

    def __init__(self, answers: Answers, host: str = "127.0.0.1", port: int = 0, ttl: int = 60) -> None:
        self._answers, self._ttl = answers, ttl
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self.host, self.port = self._socket.getsockname()
        self._thread = threading.Thread(target=self._run, name="fake-nameserver", daemon=True)
        self._stopping = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.host, self.port))
        self._thread.join(10)
        self._socket.close()

    def _run(self) -> None:
        while True:
            packet, sender = self._socket.recvfrom(4096)
            if self._stopping:
                return
            try:
                query = dns.message.from_wire(packet)
            except dns.exception.DNSException:
                continue
            self._socket.sendto(self._response(query, sender[0]).to_wire(), sender)

    def _response(self, query: dns.message.Message, sender: str) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        odds = self._answers(question.name.to_text().lower(), kind, Client(ip_network(sender)))
        values = _drawn(dict(odds))
        if values:
            response.answer.append(dns.rrset.from_text_list(question.name, self._ttl, "IN", kind, values))
        return response


def _drawn(odds: dict[str, Fraction]) -> list[str]:
    """So many different values as their odds add up to."""
    found: list[str] = []
    for _ in range(round(sum(odds.values()))):
        value = random.choices(list(odds), [float(share) for share in odds.values()])[0]
        found.append(value)
        del odds[value]
    return found
