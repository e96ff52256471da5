"""Options that commands share, and how they print what a daemon says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from gslb.cli import show

ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG", help="configuration file")]
ApiOption = Annotated[str | None, typer.Option("--api", help="address of the daemon's API (GSLB_API)")]
TokenOption = Annotated[Path | None, typer.Option("--token-file", help="file with the API token (GSLB_TOKEN_FILE)")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="find the daemon of this configuration")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]


def show_view(view: Any, render: Callable[[Any], RenderableType], *, as_json: bool) -> None:
    """Print what a daemon has said, for people or as JSON."""
    if as_json:
        print(json.dumps(view, indent=2))
        return
    show.console().print(render(view))
