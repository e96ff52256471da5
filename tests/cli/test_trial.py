"""What a daemon that runs is tried to be, without one."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.cli.code import code_version
from gslb.cli.preflight import check_renewal
from gslb.cli.trial import attempt
from gslb.config.load import load
from gslb.config.sources import ACCEPTED, PROPOSED, keep_accepted, read_accepted
from gslb.errors import ConfigError, ListenError
from gslb.supervisor.lockfile import hold_lock
from tests.e2e.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    try:
        site.run_folder.mkdir(mode=0o700)
        yield site
    finally:
        site.close()


def test_what_would_be_is_kept_beside_what_is(site: Site) -> None:
    former = load(site.config)
    keep_accepted(site.run_folder, former.sources)
    site.config.write_text(site.config.read_text().replace('name = "test"', 'name = "renamed"'))
    assert code_version() in attempt(site.config, site.run_folder, 0)[-1]
    for name, node in ((ACCEPTED, "test"), (PROPOSED, "renamed")):
        assert load(site.config, sources=read_accepted(site.run_folder, name)).node.name == node


def test_another_user_takes_a_restart(site: Site) -> None:
    keep_accepted(site.run_folder, load(site.config).sources)
    site.config.write_text(site.config.read_text().replace("[nameserver]", '[nameserver]\nuser = "nobody"'))
    with pytest.raises(ConfigError, match=r"nameserver\.user.*cannot be changed"):
        attempt(site.config, site.run_folder, 0)


def test_what_cannot_be_is_not_kept(site: Site) -> None:
    site.config.write_text(site.config.read_text().replace("weight = 60", "weight = 600"))
    with pytest.raises(ConfigError):
        attempt(site.config, site.run_folder, 0)
    assert read_accepted(site.run_folder, PROPOSED) is None


def test_addresses_may_be_taken_by_workers_of_ours_alone(site: Site) -> None:
    configuration = load(site.config)
    listen = [f"--listen={address}" for address in configuration.nameserver.listen]
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", site.dns))
        with pytest.raises(ListenError, match="Address already in use"):
            check_renewal(configuration)
        with hold_lock(site.run_folder / "nameserver-0.lock", ["worker", *listen]):
            check_renewal(configuration)


def test_the_address_of_the_api_may_be_taken_by_our_control_alone(site: Site) -> None:
    configuration = load(site.config)
    with socket.create_server(("127.0.0.1", site.api)):
        with pytest.raises(ListenError, match=r"api\.listen"):
            check_renewal(configuration)
        with hold_lock(site.run_folder / "control.lock", ["control", str(configuration.api.listen)]):
            check_renewal(configuration)
