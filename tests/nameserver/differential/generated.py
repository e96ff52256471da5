"""Zones made by chance, the same for the same seed. What no nameserver loads is not among them: data beside a CNAME or
below a DNAME, a wildcard that delegates or redirects.
"""

from collections.abc import Callable
from random import Random

from tests.nameserver.differential.zones import HEAD

_LABELS = ("a", "b", "c", "d", "*", "_x", "long" * 8)
_TTLS = (0, 1, 60, 3600, 86400)
_NAMES = 40

Maker = Callable[[Random, Callable[[], str]], list[str]]
"""Makes types and rdatas of one name, given names to point to."""


def _address(random: Random, _: Callable[[], str]) -> list[str]:
    values = [f"A 192.0.2.{random.randrange(256)}" for _ in range(random.choice((0, 1, 2, 30)))]
    return values + [f"AAAA 2001:db8::{random.randrange(256):x}" for _ in range(random.choice((0, 1, 3)))]


def _text(random: Random, _: Callable[[], str]) -> list[str]:
    return ["TXT " + " ".join(f'"{"t" * random.choice((0, 9, 200))}"' for _ in range(random.choice((1, 2, 7))))]


def _pointing(random: Random, target: Callable[[], str]) -> list[str]:
    form = random.choice(("MX {} {}", "SRV {} 2 3 {}", "AFSDB {} {}"))
    return [form.format(preference + 1, target()) for preference in range(random.choice((1, 2, 5)))]


def _binding(random: Random, target: Callable[[], str]) -> list[str]:
    """Service bindings never point at wildcards: Knot 3.2 does not come back from some of those."""
    found = [name for _ in range(random.choice((1, 2, 5))) if "*" not in (name := target())]
    type_ = random.choice(("SVCB", "HTTPS"))
    return [f"{type_} {priority + 1} {name}" for priority, name in enumerate(found)]


def _other(random: Random, _: Callable[[], str]) -> list[str]:
    return [random.choice(('CAA 0 issue "ca.invalid"', "TYPE65280 \\# 3 010203", 'HINFO "a" "b"'))]


def _mixture(random: Random, target: Callable[[], str]) -> list[str]:
    parts = random.sample(_PLAIN, 2)
    return [record for part in parts for record in part(random, target)]


def _cut(random: Random, target: Callable[[], str]) -> list[str]:
    servers = [f"NS {target()}" for _ in range(random.choice((1, 2, 4)))]
    return servers + (["DS 1 13 2 " + "ab" * 32] if random.random() < 0.5 else []) + _address(random, target)[:1]


def _alias(_: Random, target: Callable[[], str]) -> list[str]:
    return [f"CNAME {target()}"]


def _redirect(_: Random, target: Callable[[], str]) -> list[str]:
    return [f"DNAME {target()}"]


_PLAIN: tuple[Maker, ...] = (_address, _text, _pointing, _binding, _other)
_ANYWHERE: tuple[Maker, ...] = (*_PLAIN, _address, _mixture, _alias, _alias)


def generated(seed: int) -> tuple[str, str]:
    """The origin of a zone and its master file."""
    random, origin = Random(seed), f"g{seed}.test."
    names = sorted({_name(random) for _ in range(_NAMES)})

    def target() -> str:
        place = random.choice(("known", "known", "known", "below", "missing", "outside", "apex", "ns"))
        known = random.choice(names)
        return {"below": f"x.{known}", "missing": "nowhere", "outside": "www.invalid.", "apex": "@", "ns": "ns1"}.get(
            place, known
        )

    lines = [
        f"{name} {ttl} {record}"
        for name in names
        for by_type in [_records(random, name, names, target)]
        for ttl in [random.choice(_TTLS)]
        for record in by_type
    ]
    head = HEAD.format(origin=origin, soa_ttl=random.choice(_TTLS), minimum=random.choice(_TTLS))
    return origin, head + "\n".join(dict.fromkeys(lines)) + "\n"


def _records(random: Random, name: str, names: list[str], target: Callable[[], str]) -> list[str]:
    makers = list(_ANYWHERE)
    if not name.startswith("*"):
        makers += [_cut, _cut]
        if not any(other.endswith(f".{name}") for other in names):
            makers += [_redirect, _redirect]
    return random.choice(makers)(random, target)


def _name(random: Random) -> str:
    return ".".join(random.choice(_LABELS) for _ in range(random.choice((1, 1, 2, 2, 3, 4))))
