"""gslb plan and gslb adopt: what would be written at API providers, and taking over what is there."""

import asyncio
import json
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from prometheus_client import CollectorRegistry

from gslb.cli import show
from gslb.cli.client import find_daemon
from gslb.cli.options import ApiOption, ConfigArgument, JsonOption
from gslb.config.faults import suggest
from gslb.errors import DaemonError, GslbError
from gslb.model.names import ServiceName
from gslb.model.steering import Steering

if TYPE_CHECKING:
    from gslb.config.configuration import Configuration

View = dict[str, Any]


class PlanExit(IntEnum):
    """Exit codes of `gslb plan`."""

    NOTHING = 0
    ERROR = 1
    CHANGES = 2


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(plan)
    app.command()(adopt)


def plan(
    config: ConfigArgument,
    provider: Annotated[str | None, typer.Option(help="only this provider")] = None,
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown, for a review")] = False,
    api: ApiOption = None,
) -> None:
    """Show what would be written at API providers: exit code 0 for nothing, 2 for changes, 1 for errors.

    It is planned by what the running daemon has decided, else by what was decided last, and for services of which
    nothing was decided yet as if all their endpoints were up. Nothing is written.
    """
    from gslb.cli.plan_report import obstacles, plan_markdown, plan_report, plan_view
    from gslb.config.load import load
    from gslb.control.outlets import writer_setups
    from gslb.control.planning import LATEST
    from gslb.control.planning import plan as work_out

    configuration = load(config)
    setups = [each for each in writer_setups(configuration, LATEST) if provider in (None, each.provider)]
    if not setups:
        raise GslbError(_nothing_at(provider, configuration.providers))
    steerings, source = _decided(configuration, api)
    view = plan_view(asyncio.run(work_out(setups, steerings)), source)
    if as_json:
        print(json.dumps(view, indent=2))
    elif markdown:
        print(plan_markdown(view))
    else:
        show.console().print(plan_report(view))
    failed = any(True for zone in view["zones"] for _ in obstacles(zone))
    raise typer.Exit(PlanExit.ERROR if failed else PlanExit.CHANGES if view["changes"] else PlanExit.NOTHING)


def adopt(
    config: ConfigArgument,
    services: Annotated[list[str], typer.Argument(metavar="SERVICE...", help="services to take over")],
    provider: Annotated[str, typer.Option(help="where")],
    former: Annotated[str, typer.Option("--from", help="owner in their markers; default: they are not marked")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Mark record sets that are there already as this installation's, so that they are published from then on."""
    asyncio.run(_adopt(config, services, provider, former, yes=yes))


async def _adopt(config: Path, names: list[str], provider: str, former: str, *, yes: bool) -> None:
    from gslb.config.load import load
    from gslb.control.adopting import adopt as take_over
    from gslb.control.adopting import find
    from gslb.control.outlets import writer_setups
    from gslb.control.writing.access import bucket_of
    from gslb.control.writing.opening import opened

    configuration = load(config)
    setups = [setup for setup in writer_setups(configuration, 0) if setup.provider == provider]
    wanted = {_service(name, configuration.topology.services) for name in names}
    if not setups or wanted - {name for setup in setups for name in setup.services}:
        raise GslbError(_nothing_at(provider, configuration.providers))
    account = await opened(setups[0].options, bucket_of(setups[0].options, (setups[0].rate, setups[0].burst)))
    try:
        for setup in setups:
            if not (here := wanted & setup.services):
                continue
            adoption = await find(account, setup, sorted(here), former)
            for change in adoption.changes:
                kept = ", ".join(f"{record.name} {record.type} {record.identifier}".strip() for record in change.kept)
                print(f"{change.service.removesuffix('.')} at {provider}: {kept}")
            if not yes:
                typer.confirm("Mark these as ours? The daemon will then write what it has decided", abort=True)
            await take_over(account, setup, adoption)
    finally:
        await account.close()
    print("adopted; a running daemon publishes them when it next reads the zone, within minutes, or after gslb reload")


def _service(text: str, services: Mapping[ServiceName, object]) -> ServiceName:
    name = ServiceName(f"{text.lower().removesuffix('.')}.")
    if name not in services:
        raise GslbError(f"no service {text!r}\n    {suggest(name, services)}")
    return name


def _nothing_at(provider: str | None, providers: Mapping[str, object]) -> str:
    if not providers:
        return "no zone is published at an API provider\n    add a [providers.NAME] table, and its name to a zone"
    return f"nothing like that is published at {provider!r}\n    known: {', '.join(sorted(providers))}"


def _decided(configuration: "Configuration", api: str | None) -> tuple[dict[ServiceName, Steering], View]:
    """What is to be answered, and whose word that is."""
    services = configuration.topology.services
    found, source = _of_daemon(configuration.path, api), "the running daemon"
    if found is None:
        found, source = _stored(configuration.database), "a daemon that does not run now"
    steerings = {name: found[name] for name in services if name in found}
    assumed = {name: steering for name in services if name not in found and (steering := _calm(configuration, name))}
    undecided = services.keys() - steerings.keys() - assumed.keys()
    return steerings | assumed, {
        "decided_by": source,
        "decided": len(steerings),
        "assumed_up": [name.removesuffix(".") for name in assumed],
        "undecided": sorted(name.removesuffix(".") for name in undecided),
    }


def _of_daemon(path: Path, api: str | None) -> dict[ServiceName, Steering] | None:
    """What the daemon of this configuration has decided; None if none runs."""
    try:
        daemon = find_daemon(api, None, path)
    except DaemonError:
        return None
    return msgspec.convert(daemon.get("/v1/decisions")["services"], dict[ServiceName, Steering])


def _stored(database: Path) -> dict[ServiceName, Steering]:
    from gslb.store.store import open_store

    if not database.exists():
        return {}
    store = open_store(database, CollectorRegistry())
    try:
        return {steering.service: steering.newest for steering in store.load_state().steerings}
    finally:
        store.close()


def _calm(configuration: "Configuration", name: ServiceName) -> Steering | None:
    """What is answered while all endpoints are up; None where only a running daemon can tell their addresses."""
    from gslb.model.rehearsal import Rehearsal, Situation

    topology = configuration.topology
    service = topology.services[name]
    if any(not endpoint.publish for endpoint in topology.all_endpoints_of(service)):
        return None
    vantages = {vantage: setup.areas for vantage, setup in configuration.vantages.items()}
    everybody = frozenset(member.region for member in service.members)
    return Rehearsal(service, topology.regions, vantages).answers(Situation(everybody))
