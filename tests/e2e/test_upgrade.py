"""``gslb upgrade`` and reloads that replace processes, under 2,000 queries a second: every one is answered."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.load import queries
from tests.e2e.site import Site, running
from tests.waiting import eventually

NAMES = ("nameserver-0", "nameserver-1", "control")
ROOT = Path(__file__).parents[2]


def install(folder: Path, version: str = "0.1.0") -> dict[str, str]:
    """A copy of the code, and the environment that has it run."""
    for package in ("gslb", "probes", "policies", "providers"):
        shutil.copytree(
            ROOT / package, folder / package, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    (folder / "gslb" / "__init__.py").write_text(f'"""gslb."""\n\n__version__ = "{version}"\n')
    return {"PYTHONPATH": str(folder)}


def pids(site: Site) -> dict[str, int | None]:
    return {name: site.pid(name) for name in NAMES}


@contextmanager
def installed(folder: Path, *, workers: int = 2) -> Iterator[Site]:
    (folder / "site").mkdir()
    with running(folder / "site", workers=workers, environment=install(folder / "code")) as site:
        yield site


def test_upgrade_replaces_every_process_and_no_query_is_lost(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        before, supervisor = pids(site), site.pid("supervisor")
        with queries(site.dns) as load:
            time.sleep(0.3)
            install(tmp_path / "code", "0.2.0")
            result = site.gslb("upgrade", str(site.config))
            time.sleep(0.5)
        assert result.returncode == 0, result.stderr + site.log.read_text()
        assert "upgraded to 0.2.0+" in result.stdout
        after = pids(site)
        assert all(after[name] not in (None, before[name]) for name in NAMES)
        assert site.pid("supervisor") == supervisor
        assert len(load.sent) > 2000
        assert load.lost() == []
        eventually(lambda: [it["connected"] for it in site.json("status")["nameservers"]] == [True, True])
        assert site.stop() == 0
