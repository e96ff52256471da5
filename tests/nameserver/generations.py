"""Asks a nameserver whose answers say which generation they are of, and checks that no answer mixes two.

    python -m tests.nameserver.generations PORT LAST SECONDS

Every record that is answered has the generation as the last two octets of its address. Prints what came of it as JSON.
"""

import json
import random
import socket
import sys
import time

import dns.edns
import dns.message

NAME, ALIAS = "moving.example.com.", "alias.moving.example.com."
WINDOW = 64
"""queries on their way"""

LOST_AFTER = 1.0


def packets() -> list[bytes]:
    """Queries that are answered in each of the ways there are: ready, from a template, built."""
    spelled = ["".join(random.choice((c.lower(), c.upper())) for c in NAME) for _ in range(40)]
    options: list[dns.edns.Option] = [dns.edns.ECSOption(f"10.{number}.0.0", 24) for number in range(10)]
    options += [dns.edns.GenericOption(dns.edns.OptionType.COOKIE, random.randbytes(8)) for _ in range(10)]
    plain = [dns.message.make_query(name, "A", use_edns=0) for name in (NAME, ALIAS, *spelled)]
    told = [dns.message.make_query(NAME, "A", use_edns=0, options=[option]) for option in options]
    return [query.to_wire()[2:] for query in plain + told]


def generations(reply: bytes) -> set[int]:
    """Which ones the address records at the end of ``reply`` are of."""
    message = dns.message.from_wire(reply)
    addresses = [rdata.address for rrset in message.answer if rrset.rdtype == 1 for rdata in rrset]
    return {int.from_bytes(socket.inet_aton(address)[2:]) for address in addresses}


def ask(port: int, last: int, seconds: float) -> dict[str, int]:
    """Keep asking until the last generation is answered, or for so long, and tell what came of it."""
    known: dict[bytes, set[int]] = {}
    told = {"sent": 0, "answered": 0, "mixed": 0, "older": 0, "lost": 0, "newest": 0, "seen": 0}
    seen: set[int] = set()
    queries = packets()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        sock.connect(("127.0.0.1", port))
        sock.settimeout(LOST_AFTER)
        end = time.monotonic() + seconds
        while told["newest"] < last and time.monotonic() < end:
            for number in range(WINDOW):
                sock.send(number.to_bytes(2) + random.choice(queries))
            told["sent"] += WINDOW
            waiting = set(range(WINDOW))
            while waiting:
                try:
                    reply = sock.recv(2048)
                except TimeoutError:
                    told["lost"] += len(waiting)
                    break
                waiting.discard(int.from_bytes(reply[:2]))
                told["answered"] += 1
                found = known.get(reply[2:])
                if found is None:
                    found = generations(reply)
                    known = known if len(known) < 10_000 else {}
                    known[reply[2:]] = found
                if len(found) != 1:
                    told["mixed"] += 1
                    continue
                (generation,) = found
                seen.add(generation)
                told["older"] += generation < told["newest"]
                told["newest"] = max(told["newest"], generation)
    told["seen"] = len(seen)
    return told


if __name__ == "__main__":
    print(json.dumps(ask(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
