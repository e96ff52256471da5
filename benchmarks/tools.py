"""The programs that the benchmarks run: where they are, and which versions."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGES: Mapping[str, str] = {
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "gcc": "gcc",
    "gdnsd": "gdnsd",
    "knotd": "knot knot-module-geoip",
    "named": "bind9",
    "nsd": "nsd",
    "pdns_server": "pdns-server pdns-backend-bind",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "taskset": "util-linux",
    "unshare": "util-linux",
}
"""Debian packages by program."""
FOLDERS = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
VERSION_FLAGS: Mapping[str, str] = {
    "gcc": "-dumpfullversion",
    "haproxy": "-v",
    "nginx": "-v",
    "gdnsd": "--version",  # unknown to it: it then tells its version and its usage
    "knotd": "--version",
    "named": "-v",
    "nsd": "-v",
    "pdns_server": "--version",
    "prometheus-blackbox-exporter": "--version",
}


class BenchmarkError(Exception):
    """The benchmark cannot go on; the text says why and what to do."""


@cache
def tool(name: str) -> str:
    """The path of the program ``name``, one of ``PACKAGES``.

    Raises:
        BenchmarkError: it is not installed.
    """
    if path := shutil.which(name, path=FOLDERS):
        return path
    raise BenchmarkError(f"{name} is not installed: apt-get install {PACKAGES[name]}")


def positive(text: str) -> int:
    """A whole number above 0, from the command line.

    Raises:
        ValueError: it is none.
    """
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def machine(programs: tuple[str, ...], libraries: tuple[str, ...] = ()) -> dict[str, str]:
    """What the figures depend on: processor, kernel, and the versions of ``programs`` and of Python ``libraries``."""
    facts = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    return facts | {name: _program_version(name) for name in programs} | {name: version(name) for name in libraries}


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else platform.machine()


def _program_version(name: str) -> str:
    command = [tool(name), VERSION_FLAGS[name]]
    told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603  from PACKAGES
    found = re.search(r"(?:^|Server |BIND |[Vv]ersion:? |nginx/)(\d[\w.+~-]*)", told.stdout + told.stderr)
    return found[1] if found else "unknown"
