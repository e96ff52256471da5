"""A fake of each cloud, and a zone there for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.clouds import Aws, Cloud, Google, Site
from tests.fakes.clouddns import FakeCloudDns
from tests.fakes.route53 import UNLIMITED, FakeRoute53


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for AWS, nothing else that its SDK might find on this machine, and no daemon that is named."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GSLB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture(scope="module")
def aws() -> Iterator[Cloud]:
    with FakeRoute53(quota=UNLIMITED) as fake:
        yield Aws(fake)


@pytest.fixture(scope="module")
def google() -> Iterator[Cloud]:
    with FakeCloudDns() as fake:
        yield Google(fake)


@pytest.fixture(params=["aws", "google"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    found: Cloud = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def site(cloud: Cloud, tmp_path: Path) -> Site:
    return Site(cloud, tmp_path / "gslb.toml")
