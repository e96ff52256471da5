import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo that the developer runs is not ours to find."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("GSLB_API", raising=False)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """An empty folder with a short name: the path of a Unix socket has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="gslb-") as folder:
        yield Path(folder)
