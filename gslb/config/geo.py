"""[geo]: the databases that say where clients are, and what can be told by them."""

from typing import TYPE_CHECKING, Annotated, Self

import msgspec
from pydantic import Field, model_validator

from gslb.config.configuration import Geo
from gslb.config.reader import Reader
from gslb.config.sources import Sources
from gslb.geo.database import DatabaseError, open_database, together
from gslb.model.area import AreaKind
from gslb.model.chain import Geography
from gslb.model.options import Options, PathText

if TYPE_CHECKING:
    from pathlib import Path


_ALL = Geography(frozenset(AreaKind), coordinates=True)
"""what a database that cannot be read is taken to tell, so that no policy is blamed for it"""


class GeoSection(Options):
    """Where clients are."""

    databases: Annotated[
        list[PathText],
        Field(max_length=8, description="MaxMind DB files (.mmdb); where several know, the first one counts"),
    ] = []  # noqa: RUF012  pydantic copies it

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.databases)) < len(self.databases):
            raise ValueError("databases lists a file twice; list each once")
        return self


def read_geo(reader: Reader, section: GeoSection | None, sources: Sources, *, kept: bool) -> Geo:
    """What locates clients; the faults of databases are noted.

    What can be told by a database goes with the configuration's other sources. So one that was accepted stands even
    where a database is missing by the time it is read again: that one then says nothing until it is back.

    Args:
        reader: collects the faults.
        section: None where the section itself has faults.
        sources: of the configuration.
        kept: they are copies, which need no database.
    """
    paths = tuple(section.databases) if section else ()
    if kept:
        return Geo(paths, together(_remembered(path, sources) for path in paths))
    return Geo(paths, together(_told(reader, index, path, sources) for index, path in enumerate(paths)))


def _remembered(path: "Path", sources: Sources) -> Geography:
    try:
        return msgspec.json.decode(sources.read(path), type=Geography)
    except (OSError, msgspec.DecodeError):
        return _ALL


def _told(reader: Reader, index: int, path: "Path", sources: Sources) -> Geography:
    at = ("geo", "databases", index)
    try:
        told = open_database(path).tells()
    except DatabaseError as error:
        reader.fault(at, f"{error.path} {error.reason}", error.remedy)
        return _ALL
    if not told.kinds and not told.coordinates:
        remedy = "name a city, country or ASN database"
        reader.fault(at, f"{path} says nothing of where an address is", remedy)
    sources.texts[str(path)] = msgspec.json.encode(told, order="deterministic").decode()
    return told
