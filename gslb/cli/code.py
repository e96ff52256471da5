"""Which code this is: what tells a process of another version apart, to be replaced instead of adopted."""

import hashlib
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import gslb

_PACKAGES = ("gslb", "probes", "policies", "providers")


def code_version() -> str:
    """``VERSION+DIGEST``: another digest is another interpreter, another dependency, or another file of gslb."""
    digest = hashlib.sha256(sys.version.encode())
    for line in sorted(_dependencies()):
        digest.update(line.encode())
    for path in sorted(_files()):
        stat = path.stat()
        digest.update(f"{path}\0{stat.st_mtime_ns}\0{stat.st_size}\n".encode())
    return f"{gslb.__version__}+{digest.hexdigest()[:12]}"


def _dependencies() -> Iterator[str]:
    for distribution in distributions():
        yield f"{distribution.name} {distribution.version}\n"


def _files() -> Iterator[Path]:
    for package in _PACKAGES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield from Path(folder).rglob("*.py")
