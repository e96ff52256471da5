import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from providers import BUILTIN
from tests.config.files import Files, Install


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a type of providers of this name."""
    monkeypatch.setitem(BUILTIN, "acme", "tests.config.acme:Acme")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution with one module on the path: its source, and entry points by group."""
    folder = tmp_path / "site-packages"
    metadata = folder / "acme-1.0.dist-info"
    metadata.mkdir(parents=True)

    def write(source: str, **groups: str) -> None:
        (folder / "acme_gslb.py").write_text(dedent(source))
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        sections = (f"[gslb.{group}]\n{entry}\n" for group, entry in groups.items())
        (metadata / "entry_points.txt").write_text("\n".join(sections))
        monkeypatch.syspath_prepend(folder)

    yield write
    sys.modules.pop("acme_gslb", None)
