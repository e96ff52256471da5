"""The example of the design works as it stands, and what it leaves out has the documented defaults."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.model.address import parse_address
from gslb.model.area import parse_area
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName
from gslb.model.pacing import Pace
from gslb.model.step import Thresholds
from gslb.model.topology import AllDown, Endpoint, Member
from gslb.nameserver.snapshot import Record
from probes.http import Http
from tests.config.files import DESIGN, Files, design

ROOT = Path(__file__).parents[2]
NAME = ServiceName("api.example.com.")


@pytest.fixture
def loaded(files: Files) -> Configuration:
    return files.load(DESIGN)


def test_the_node_and_where_it_listens(loaded: Configuration) -> None:
    assert loaded.node.name == "istanbul-1"
    assert loaded.api.listen == parse_address("127.0.0.1:8053")
    assert loaded.nameserver.listen == [parse_address("127.0.0.1:5300")]


def test_state_is_relative_to_the_file(loaded: Configuration, files: Files) -> None:
    assert loaded.database == files.folder / "gslb.db"
    assert loaded.run_folder == files.folder / "gslb.run"


def test_regions_are_as_stated(loaded: Configuration) -> None:
    istanbul, ankara = loaded.topology.regions.values()
    assert (istanbul.name, istanbul.weight, istanbul.capacity, istanbul.location) == (
        "istanbul",
        60,
        2000.0,
        (41.01, 28.98),
    )
    assert istanbul.areas == (parse_area("TR-34"), parse_area("continent:EU"))
    assert istanbul.endpoints == (
        Endpoint(
            EndpointName("istanbul/127.0.1.1:8080"),
            RegionName("istanbul"),
            parse_address("127.0.1.1:8080"),
            (ip_address("127.0.1.1"),),
        ),
    )
    assert (ankara.name, ankara.weight, ankara.areas, ankara.min_healthy) == ("ankara", 40, (parse_area("TR"),), 1)


def test_the_probe_has_its_options_and_default_timing(loaded: Configuration) -> None:
    edge = loaded.probes[ProbeName("edge")]
    assert edge.probe == Http(path="/healthz")
    assert edge.pace == Pace(
        interval=1.0,
        timeout=0.5,
        confirm=0.2,
        confirm_timeout=0.5,
        backoff=10.0,
        thresholds=Thresholds(fall=3, ok=2, rise=3),
    )


def test_the_service_has_its_settings_and_defaults(loaded: Configuration) -> None:
    (service,) = loaded.topology.services.values()
    assert service.name == NAME
    assert service.members == (Member(RegionName("istanbul"), 60), Member(RegionName("ankara"), 40))
    assert [step.name for step in service.policy] == ["weighted"]
    assert (service.probes, service.require, service.quorum) == (("edge",), "all", 1)
    assert (service.ttl_steady, service.ttl_alert, service.hold, service.answers) == (30, 5, 60.0, 4)
    assert (service.when_all_down, service.fallback, service.rto) == (AllDown.ALL, None, 45.0)


def test_the_zone_gets_its_soa_its_nameserver_and_that_ones_address(loaded: Configuration) -> None:
    (zone,) = loaded.zones
    soa, *others = zone.records
    assert zone.origin == "example.com."
    assert (soa.name, soa.ttl, soa.type) == ("example.com.", 3600, "SOA")
    assert soa.rdata.split()[:2] == ["ns1.example.com.", "hostmaster.example.com."]
    assert soa.rdata.split()[3:] == ["3600", "600", "604800", "60"]
    assert others == [
        Record("example.com.", 3600, "NS", "ns1.example.com."),
        Record("ns1.example.com.", 3600, "A", "127.0.0.1"),
    ]


def test_sections_that_are_not_there_have_defaults(loaded: Configuration) -> None:
    assert (loaded.log.format, loaded.log.level) == ("human", "info")
    assert loaded.nameserver.workers == 2
    assert (loaded.node.retention, loaded.node.journal.max_age, loaded.node.journal.max_megabytes) == (
        90 * 86400.0,
        86400.0,
        256,
    )
    assert loaded.gateways == {}


def test_every_table_is_there_to_be_shown(loaded: Configuration) -> None:
    assert [path for path, _ in loaded.sections] == [
        "node",
        "api",
        "nameserver",
        "log",
        "safety",
        "geo",
        "regions.istanbul",
        "regions.ankara",
        "probes.edge",
        "probes.edge",
        'zones."example.com"',
        'services."api.example.com"',
        'services."api.example.com".policy[0]',
    ]


def test_what_has_no_effect_yet_is_a_warning(loaded: Configuration) -> None:
    (warning,) = loaded.warnings
    assert warning.key == 'services."api.example.com".policy'
    assert warning.message == "areas and location of istanbul, ankara have no effect: no step of the policy reads them"


@pytest.mark.parametrize("path", ["examples/istanbul-ankara/gslb.toml", "gslb/cli/demo/gslb.toml"])
def test_the_files_that_come_with_gslb_load(path: str) -> None:
    loaded = load(ROOT / path, {})
    assert loaded.topology.services.keys() == {NAME}
    assert loaded.gateways.keys() == loaded.topology.regions.keys() == {"istanbul", "ankara"}
    assert {(record.name, record.type) for record in loaded.zones[0].records} == {
        ("example.com.", "SOA"),
        ("example.com.", "NS"),
        ("example.com.", "MX"),
        ("example.com.", "TXT"),
        ("ns1.example.com.", "A"),
        ("www.example.com.", "CNAME"),
        ("mail.example.com.", "A"),
    }


def test_the_configuration_for_systemd_listens_where_the_socket_unit_does() -> None:
    folder = ROOT / "examples" / "systemd"
    listen = [str(address) for address in load(folder / "gslb.toml", {}).nameserver.listen]
    unit = [line.partition("=") for line in (folder / "gslb.socket").read_text().splitlines()]
    assert [value for key, _, value in unit if key == "ListenDatagram"] == listen
    assert [value for key, _, value in unit if key == "ListenStream"] == listen
    assert ("BindIPv6Only", "=", "ipv6-only") in unit


def test_a_file_without_services_is_refused_since_it_would_take_every_name_away(files: Files) -> None:
    """A file that was cut off while being written is such a file."""
    (problem,) = files.problems("")
    assert problem.key == "services"
    assert "nothing to answer" in problem.message


def test_sections_that_are_left_out_are_all_defaults(files: Files) -> None:
    document = design()
    del document["node"], document["api"], document["nameserver"]
    loaded = files.load(document)
    assert str(loaded.api.listen) == "127.0.0.1:8053"
    assert loaded.node.name
