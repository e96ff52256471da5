"""The demo's stand-ins for Route 53 and Cloud DNS: processes on loopback that keep the rules of those."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import gslb
from gslb.cli.demo.errors import DemoError
from gslb.cli.demo.processes import Processes

_CHANGES: Mapping[str, str] = {
    'providers   = ["embedded"]': 'providers   = ["embedded", "aws", "gcp"]',
    'rto     = "10s"': 'rto     = "90s"',  # changes may take a minute to all servers of a cloud
}
_FAKES: Mapping[str, tuple[str, ...]] = {
    "route53": ("--port", "8061", "--dns", "5311", "--propagation", "1", "--rate", "5"),
    "clouddns": ("--port", "8062", "--dns", "5312", "--propagation", "1", "--project", "demo"),
}
"""The modules below ``tests.fakes`` with their arguments; addresses are those in clouds.toml."""

_INTRODUCTION = """
The zone is published at stand-ins for Route 53 and Cloud DNS as well:

    dig @127.0.0.1 -p 5311 api.example.com        as Route 53 answers
    dig @127.0.0.1 -p 5312 api.example.com        as Cloud DNS answers
    {credentials} {gslb} plan {path}
"""


def find_fakes() -> Path:
    """The folder from which the stand-ins can be run.

    Raises:
        DemoError: they are not there.
    """
    folder = Path(gslb.__file__).parents[1]
    if not (folder / "tests" / "fakes" / "route53").is_dir():
        text = "--with-clouds: the stand-ins for Route 53 and Cloud DNS come with the source only"
        raise DemoError(f"{text}\n    run it from a checkout: make run ARGS=--with-clouds")
    return folder


class Clouds:
    """The stand-ins, and how the daemon is told of them.

    Args:
        source: a checkout of gslb.
    """

    credentials: Mapping[str, str] = {"AWS_ACCESS_KEY_ID": "AKIDDEMO", "AWS_SECRET_ACCESS_KEY": "demo"}
    """For the environment of whoever asks the stand-ins, which take any."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def configure(self, text: str) -> str:
        """The demo's configuration, with zones published at the stand-ins too.

        Raises:
            DemoError: ``text`` does not say what is to be changed in it.
        """
        for before, after in _CHANGES.items():
            if text.count(before) != 1:
                raise DemoError(f"--with-clouds: the demo's configuration does not say {before!r} once")
            text = text.replace(before, after)
        return text + files("gslb.cli.demo").joinpath("clouds.toml").read_text()

    async def start(self, processes: Processes) -> None:
        """Start the stand-ins."""
        for name, arguments in _FAKES.items():
            environment = {"PYTHONPATH": str(self._source)}
            await processes.start(name, f"tests.fakes.{name}", ["--zone", "example.com", *arguments], environment)

    def introduction(self, command: str, path: Path) -> str:
        """What to try, beside what the demo shows anyhow."""
        credentials = " ".join(f"{name}={value}" for name, value in self.credentials.items())
        return _INTRODUCTION.format(credentials=credentials, gslb=command, path=path)
