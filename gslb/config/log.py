"""[log]: form and amount of the log."""

from typing import Annotated, Literal

from pydantic import Field

from gslb.model.options import Options


class LogSection(Options):
    """The log, on standard error."""

    format: Annotated[Literal["human", "json"], Field(description="lines for people or one JSON object per line")] = (
        "human"
    )
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="least severity that is shown")
    ] = "info"
