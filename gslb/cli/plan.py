"""gslb plan: what would be written at API providers."""

import asyncio
import json
from collections.abc import Collection
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gslb.cli import show
from gslb.cli.options import ApiOption, ConfigArgument, JsonOption
from gslb.errors import GslbError

if TYPE_CHECKING:
    from gslb.config.configuration import Configuration
    from gslb.control.writing.setup import WriterSetup


class PlanExit(IntEnum):
    """Exit codes of `gslb plan`."""

    NOTHING = 0
    ERROR = 1
    CHANGES = 2


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(plan)


def plan(
    config: ConfigArgument,
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="plan for this provider only")] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown, for a review")] = False,
    api: ApiOption = None,
) -> None:
    """Show what would be written at API providers, and write nothing.

    It goes by what the running daemon has decided, or by what was decided last, or as if all endpoints were up.

    Exit code 0: there is nothing to write; 2: there is; 1: something cannot be read, or would not be written.
    """
    from gslb.cli.decided import decided
    from gslb.cli.plan_report import plan_markdown, plan_report, plan_view
    from gslb.config.load import load
    from gslb.control.outlets import writer_setups
    from gslb.control.planning import plan as work_out

    if as_json and as_markdown:
        raise GslbError("--json and --markdown: choose one of them")
    configuration = load(config)
    basis = decided(configuration, api)
    setups = at_provider(writer_setups(configuration, basis.lease), configuration, provider)
    with show.waiting("reading zones"):
        view = plan_view(asyncio.run(work_out(setups, basis.steerings)), basis)
    if as_json:
        print(json.dumps(view, indent=2))
    elif as_markdown:
        print(plan_markdown(view))
    elif setups:
        show.console().print(plan_report(view))
    else:
        print(f"no zone is published at {provider or 'an API provider'}: there is nothing to write")
    raise typer.Exit(PlanExit.ERROR if view["obstacles"] else PlanExit.CHANGES if view["changes"] else PlanExit.NOTHING)


def at_provider(
    setups: Collection["WriterSetup"], configuration: "Configuration", provider: str | None
) -> list["WriterSetup"]:
    """Those of ``setups`` that are at ``provider``; None: all.

    Raises:
        GslbError: there is no such provider.
    """
    from gslb.config.faults import suggest
    from providers import EMBEDDED

    if provider == EMBEDDED:
        raise GslbError("the embedded nameserver is told what to answer, and nothing is planned\n    see gslb explain")
    if provider is not None and provider not in configuration.providers:
        raise GslbError(f"no provider {provider!r}\n    {suggest(provider, configuration.providers)}")
    return [setup for setup in setups if provider in (None, setup.provider)]
