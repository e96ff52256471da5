"""gslb adopt: takes over record sets that are at an API provider already."""

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gslb.cli import show
from gslb.cli.options import ApiOption, ConfigArgument
from gslb.cli.plan import at_provider
from gslb.config.faults import suggest
from gslb.errors import GslbError
from gslb.model.duration import format_duration
from gslb.model.names import ServiceName

if TYPE_CHECKING:
    from gslb.config.configuration import Configuration
    from gslb.control.adopting import Adoption
    from gslb.control.writing.setup import WriterSetup


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(adopt)


def adopt(
    config: ConfigArgument,
    services: Annotated[list[str], typer.Argument(metavar="SERVICE...", help="services to take over")],
    provider: Annotated[str, typer.Option(metavar="NAME", help="where their record sets are")],
    former: Annotated[
        str, typer.Option("--from", metavar="OWNER", help="whose they are by their markers; default: nobody's")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    api: ApiOption = None,
) -> None:
    """Mark record sets that are there already as ours, so that they are published from then on.

    Nothing but the markers is written. What is marked as somebody else's is refused, unless --from names just them.
    """
    from gslb.cli.decided import decided
    from gslb.cli.plan_report import adoption_report
    from gslb.config.load import load
    from gslb.control.adopting import find
    from gslb.control.outlets import writer_setups
    from gslb.control.planning import planned
    from gslb.control.writing.suspicion import SELDOM

    configuration = load(config)
    basis = decided(configuration, api)
    setups = at_provider(writer_setups(configuration, basis.lease), configuration, provider)
    wanted = _published(services, configuration, setups, provider)
    with show.waiting("reading zones"):
        adoptions = asyncio.run(find(setups, wanted, former))
    then = [planned(it.setup, it.image, basis.steerings, [change.service for change in it.changes]) for it in adoptions]
    show.console().print(adoption_report(adoptions, then))
    if not yes:
        typer.confirm("mark these record sets as ours?", abort=True)
    asyncio.run(_adopt(adoptions))
    print(f"a running daemon takes them over within {format_duration(SELDOM)}, or at once after gslb reload")


async def _adopt(adoptions: Sequence["Adoption"]) -> None:
    from gslb.cli.plan_report import folded
    from gslb.control.adopting import adopt as mark

    async for adoption, changes in mark(adoptions):
        names = ", ".join(change.service.removesuffix(".") for change in changes)
        text = f"adopted in {adoption.setup.zone.removesuffix('.')} at {adoption.setup.provider}: {names}"
        show.console().print(*folded(text), sep="\n")


def _published(
    names: Collection[str], configuration: "Configuration", setups: Sequence["WriterSetup"], provider: str
) -> frozenset[ServiceName]:
    """The services that ``names`` mean.

    Raises:
        GslbError: one of them does not exist, or is not published at the provider.
    """
    wanted = {ServiceName(f"{name.lower().removesuffix('.')}."): name for name in names}
    there = frozenset[ServiceName]().union(*(setup.services for setup in setups))
    for service, name in wanted.items():
        if service not in configuration.topology.services:
            known = (each.removesuffix(".") for each in configuration.topology.services)
            raise GslbError(f"no service {name!r}\n    {suggest(name, known)}")
        if service not in there:
            where = ", ".join(configuration.publishing.names(service))
            raise GslbError(f"{name} is not published at {provider!r}\n    it is at {where}")
    return frozenset(wanted)
