"""Real database files with a few networks in them, all of them networks for documentation and the like."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

Records = Mapping[str, Any]

ISTANBUL, ANKARA, FRANKFURT = (41.01, 28.98), (39.93, 32.86), (50.11, 8.68)


def city(continent: str, country: str, subdivision: str = "", place: tuple[float, float] | None = None) -> Any:
    """A record as GeoLite2-City has them."""
    record: dict[str, Any] = {
        "continent": {"code": continent, "geoname_id": 6255147, "names": {"en": continent}},
        "country": {"iso_code": country, "geoname_id": 298795, "names": {"en": country}},
        "registered_country": {"iso_code": country, "geoname_id": 298795, "names": {"en": country}},
    }
    if subdivision:
        record["subdivisions"] = [{"iso_code": subdivision, "names": {"en": subdivision}}]
    if place:
        record["location"] = {"latitude": place[0], "longitude": place[1], "accuracy_radius": 20}
    return record


CITY: Records = {
    "198.51.100.0/24": city("AS", "TR", "34", ISTANBUL),
    "203.0.113.0/25": city("AS", "TR", "06", ANKARA),
    "192.0.2.0/24": city("EU", "DE", "HE", FRANKFURT),
    "2001:db8:1::/48": city("AS", "TR", "34", ISTANBUL),
    "100.64.0.0/24": city("NA", "US"),
}
ASN: Records = {
    network: {"autonomous_system_number": number, "autonomous_system_organization": "an operator"}
    for network, number in {
        "198.51.100.0/24": 9121,
        "203.0.113.0/24": 34984,
        "192.0.2.0/24": 3320,
        "2001:db8:1::/48": 9121,
        "100.64.0.0/24": 7018,
    }.items()
}


def write(path: Path, kind: str, records: Records, version: int = 6) -> Path:
    """A file of type ``kind``, written to ``path``; returns that."""
    writer = MMDBWriter(version, kind, ["en"], f"{kind} for tests", ipv4_compatible=version == 6)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


def city_database(path: Path, records: Records = CITY) -> Path:
    return write(path, "GeoLite2-City", records)


def asn_database(path: Path, records: Records = ASN) -> Path:
    return write(path, "GeoLite2-ASN", records)
