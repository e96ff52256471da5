"""Five thousand client subnets, in which country each is, and a database that says so."""

from pathlib import Path
from random import Random

from tests.bench.dns.zone import ELSEWHERE, PLACES
from tests.geo.databases import city, write

UNTOLD = "JP"
"""Where clients are that no rule is for."""
COUNT = 5000
_COUNTRIES = (*PLACES, UNTOLD)
_CONTINENTS = {country: continent for country, (continent, _) in PLACES.items()} | {UNTOLD: "AS"}


def subnets() -> dict[str, str]:
    """Countries by IPv4 /24, always the same. Neighbours are mostly in different ones, so few can be told together."""
    random = Random(0)
    return {f"10.{i >> 8}.{i & 255}.0/24": random.choice(_COUNTRIES) for i in range(COUNT)}


def answer(country: str) -> str:
    """What clients there are to be told."""
    return PLACES[country][1] if country in PLACES else ELSEWHERE


def database(folder: Path) -> Path:
    """A file as MaxMind's are, with all subnets."""
    records = {subnet: city(_CONTINENTS[country], country) for subnet, country in subnets().items()}
    return write(folder / "GeoLite2-Country.mmdb", "GeoLite2-Country", records)
