"""[node]: who this controller is and where it keeps its state."""

import socket
from typing import Annotated

from pydantic import Field

from gslb.model.options import Duration, Options


def _host_name() -> str:
    return socket.gethostname().partition(".")[0] or "gslb"


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,63}$")]
DatabaseURL = Annotated[str, Field(pattern=r"^sqlite:///.+$")]


class JournalSection(Options):
    """Bounds of the journal of raw probe results."""

    max_age: Annotated[Duration, Field(description="how long raw probe results are kept")] = 86400.0
    max_megabytes: Annotated[int, Field(ge=1, le=1_000_000, description="most disk space the journal takes")] = 256


class NodeSection(Options):
    """Identity and state of this controller."""

    name: Annotated[Name, Field(description="name of this controller in logs and records")] = Field(
        default_factory=_host_name
    )
    owner: Annotated[
        Name | None,
        Field(description="name of this installation in what marks its records at API providers; default: name"),
    ] = None
    state: Annotated[DatabaseURL, Field(description="state database, as in sqlite:///gslb.db")] = "sqlite:///gslb.db"
    retention: Annotated[Duration, Field(ge=3600.0, description="how long history is kept")] = 90 * 86400.0
    journal: Annotated[JournalSection, Field(description="bounds of the journal")] = JournalSection()
