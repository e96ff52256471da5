"""What dnsviz and Zonemaster find in a zone of gslb's that a root of the test's own leads to, without the internet.

Debian packages ``dnsviz``, ``zonemaster-cli``, ``nsd`` and ``iproute2``, and root; without them the tests are skipped.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.nameserver.hierarchy import CHILD, LAME, ZONE, own_addresses
from tests.nameserver.world import World, world

pytestmark = pytest.mark.acceptance

NAMES = (
    ZONE,
    *(f"{name}.{ZONE}" for name in ("www", "api", "many", "long", "mail", "_sip._tcp", "_dmarc")),
    *(f"{name}.{ZONE}" for name in ("x.apps", "x.y.any", "not-there", "not.there.either")),
    CHILD,
    f"www.{CHILD}",
)

ACCEPTED = {
    "NEITHER_DNSKEY_NOR_DS": "the embedded nameserver does not sign",
    "NOT_SIGNED": "the embedded nameserver does not sign",
    "REFRESH_MINIMUM_VALUE_LOWER": "a secondary should see the steering of the hour, even if it misses a NOTIFY",
    "RETRY_MINIMUM_VALUE_LOWER": "goes with the refresh",
    "SOA_DEFAULT_TTL_MAXIMUM_VALUE_LOWER": "a name that was just added should not be missing for long",
}
"""What Zonemaster notices in a zone as the configuration makes it, and why it is meant to be so."""

OF_THE_CHILD = {
    "NEITHER_DNSKEY_NOR_DS": "it is not signed",
    "NOT_SIGNED": "it is not signed",
    "RNAME_MAIL_DOMAIN_INVALID": "who runs it has no mail here",
    "Z09_MISSING_MAIL_TARGET": "it has no mail",
}
"""What it notices in the zone that gslb delegates: nothing that the parent says."""

_SEVERE = {"WARNING", "ERROR", "CRITICAL"}


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as made:
        yield made


def present(tool: str) -> str:
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool}")
    return tool


def zonemaster(internet: World, zone: str) -> list[dict[str, Any]]:
    """What Zonemaster has to say, from notices upwards, as its ``--json`` gives it."""
    command = (present("zonemaster-cli"), "--hints", str(internet.hints), "--level", "NOTICE", "--json")
    found: list[dict[str, Any]] = json.loads(internet.run(*command, "--no-progress", zone.rstrip(".")))
    return found


@pytest.mark.parametrize(("zone", "accepted"), [(ZONE, ACCEPTED), (CHILD, OF_THE_CHILD)])
def test_zonemaster_finds_nothing_but_what_is_meant(internet: World, zone: str, accepted: dict[str, str]) -> None:
    found = zonemaster(internet, zone)
    assert {each["tag"] for each in found} == set(accepted)
    assert not [each for each in found if each["level"] in _SEVERE]


def test_zonemaster_finds_a_zone_that_is_not_served(internet: World) -> None:
    assert {each["tag"] for each in zonemaster(internet, LAME)} >= {"NS_FAILED", "CANNOT_CONTINUE"}


def dnsviz(internet: World, folder: Path, names: tuple[str, ...], *options: str) -> dict[str, Any]:
    """All that dnsviz makes of these names."""
    probed = folder / "probed.json"
    internet.run(present("dnsviz"), "probe", "-A", "-E", *options, "-o", str(probed), *names)
    found: dict[str, Any] = json.loads(internet.run("dnsviz", "grok", "-l", "info", "-r", str(probed)))
    return found


def under(found: object, *keys: str) -> Iterator[Any]:
    """The values of these keys, wherever they are."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in keys:
                yield value
            yield from under(value, *keys)
    elif isinstance(found, list):
        for value in found:
            yield from under(value, *keys)


@pytest.mark.parametrize("options", [(), ("-n", "-e", "11.53.0.0")], ids=["plain", "options"])
def test_dnsviz_finds_neither_error_nor_warning(internet: World, tmp_path: Path, options: tuple[str, ...]) -> None:
    found = dnsviz(internet, tmp_path, NAMES, *options)
    assert set(found) >= set(NAMES)
    assert {server for servers in under(found, "servers") for server in servers} >= set(own_addresses())
    assert list(under(found, "error", "errors", "warning", "warnings")) == []


def test_dnsviz_is_given_server_cookies_and_sends_them_back(internet: World, tmp_path: Path) -> None:
    by_server = list(under(dnsviz(internet, tmp_path, (ZONE,)), "cookie_status"))
    seen = {(by[it]["request"], by[it]["response"]) for by in by_server for it in own_addresses() if it in by}
    given = "CLIENT_AND_SERVER_COOKIE"
    assert seen == {("NO_COOKIE", "NO_COOKIE_OPT"), ("CLIENT_COOKIE_ONLY", given), ("VALID_SERVER_COOKIE", given)}


def test_dnsviz_finds_a_zone_that_is_not_served(internet: World, tmp_path: Path) -> None:
    codes = {each["code"] for errors in under(dnsviz(internet, tmp_path, (LAME,)), "error") for each in errors}
    assert "INVALID_RCODE" in codes
