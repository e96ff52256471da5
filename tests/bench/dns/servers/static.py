"""What servers have that read a master file and do not steer by themselves."""

from pathlib import Path

from tests.bench.dns.mixes import MIXES
from tests.bench.dns.zone import REGIONS, SERVICE, SERVICE_TTL, ZONE, master_file

SERVICE_RECORD = f"{SERVICE}. {SERVICE_TTL} A {next(iter(REGIONS))}"
"""In place of the weighted service: its first address."""
UNSTEERED = frozenset(MIXES) - {"ecs"}
"""What can be asked of those that do not know places."""


def zone_file(folder: Path, *services: str) -> Path:
    """A master file in ``folder`` with the zone, and ``services``."""
    made = folder / f"{ZONE}.zone"
    made.write_text(master_file(*services), encoding="ascii")
    return made
