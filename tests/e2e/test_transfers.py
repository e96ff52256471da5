"""docs/transfers.md as it stands: its configurations for gslb, BIND and Knot, but for addresses and ports."""

import base64
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site
from tests.nameserver.secondaries import Secondary, bind_options, knot_server, started
from tests.waiting import eventually, free_port

PAGE = Path(__file__).parents[2] / "docs" / "transfers.md"
ORIGIN = "example.com."
SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
BOTH = {"127.0.1.1", "127.0.2.1"}


def blocks() -> list[str]:
    """gslb's configuration, BIND's and Knot's."""
    found = re.findall(r"^```\w*\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(found) == 3
    return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@contextlib.contextmanager
def as_documented(site: Site) -> Iterator[list[Secondary]]:
    """The daemon, and both secondaries."""
    gslb, bind, knot = blocks()
    ports = {"192.0.2.7": free_port(), "192.0.2.8": free_port()}
    for host, port in ports.items():
        gslb = gslb.replace(f"{host}:53", f"127.0.0.1:{port}").replace(host, "127.0.0.1")
    (site.folder / "xfr.secret").write_text(SECRET)
    site.config.write_text(site.config.read_text() + gslb)
    site.start()
    bind = bind.replace("192.0.2.53 port 53", f"127.0.0.1 port {site.dns}").replace("SECRET", SECRET)
    knot = knot.replace("192.0.2.53@53", f"127.0.0.1@{site.dns}").replace("192.0.2.53", "127.0.0.1")
    bind = bind_options(site.folder, ports["192.0.2.7"]) + bind
    # The tests compare by transfers out of the secondaries, which the page has nothing to do with.
    knot = knot_server(site.folder, ports["192.0.2.8"]) + knot.replace("SECRET", SECRET)
    knot = knot.replace("acl:\n  - id", "acl:\n  - id: compared\n    address: 127.0.0.1\n    action: transfer\n  - id")
    knot = knot.replace("acl: notified", "acl: [notified, compared]")
    with (
        started("bind9", site.folder, ports["192.0.2.7"], bind) as first,
        started("knot", site.folder, ports["192.0.2.8"], knot) as second,
    ):
        yield [first, second]


def addresses(at: Secondary) -> set[str]:
    """What it has for the service; empty while it has no zone."""
    if at.serial(ORIGIN) is None:
        return set()
    return {rdata for name, type_, _, rdata in at.records(ORIGIN) if (name, type_) == ("api.example.com.", "A")}


def test_secondaries_as_documented_follow_a_failover_and_serials_outlive_control(site: Site) -> None:
    with as_documented(site) as secondaries:
        eventually(lambda: all(addresses(at) == BOTH for at in secondaries), within=40)
        before = secondaries[0].serial(ORIGIN)
        assert before is not None
        site.istanbul.close()
        eventually(lambda: all(addresses(at) == {"127.0.2.1"} for at in secondaries), within=10)
        after = secondaries[0].serial(ORIGIN)
        assert after is not None
        assert after > before
        assert secondaries[1].serial(ORIGIN) == after
        site.kill("control")
        notified = site.log.read_text().count("secondary notified")
        eventually(lambda: site.log.read_text().count("secondary notified") >= notified + 2)  # once at start
        assert Secondary(site.dns).serial(ORIGIN) == after
        site.istanbul.open()
        eventually(lambda: all(addresses(at) == BOTH for at in secondaries))
