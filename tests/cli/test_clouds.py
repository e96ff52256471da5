"""gslb demo --with-clouds: the demo's configuration, published at the stand-ins too."""

from importlib.resources import files
from pathlib import Path

import pytest

from gslb.cli.demo.clouds import Clouds
from gslb.cli.demo.errors import DemoError
from gslb.config.load import load
from gslb.model.names import ServiceName

API = ServiceName("api.example.com.")
DEMO = files("gslb.cli.demo")


def test_the_zone_is_published_at_both_and_the_recovery_time_is_one_that_they_can_keep(tmp_path: Path) -> None:
    (tmp_path / "example.com.zone").write_text(DEMO.joinpath("example.com.zone").read_text())
    file = tmp_path / "gslb.toml"
    file.write_text(Clouds(tmp_path).configure(DEMO.joinpath("gslb.toml").read_text()))
    loaded = load(file)
    assert loaded.publishing.zones == {"example.com.": ("embedded", "aws", "gcp")}
    stated = loaded.topology.services[API].rto
    assert stated is not None
    assert 10 < loaded.rto[API].total <= stated


def test_a_configuration_that_is_written_otherwise_is_not_taken_as_it_is(tmp_path: Path) -> None:
    text = DEMO.joinpath("gslb.toml").read_text()
    for other in (text.replace('providers   = ["embedded"]', 'providers = ["embedded"]'), text + text):
        with pytest.raises(DemoError, match="does not say 'providers   ="):
            Clouds(tmp_path).configure(other)
