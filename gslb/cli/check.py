"""gslb check: what a configuration means, with every default, and what recovery times follow from it."""

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from gslb.cli.privileges import user_warnings
from gslb.config.configuration import Configuration
from gslb.config.delegation import asked_of_parents, presentation
from gslb.config.toml import to_toml
from gslb.model.duration import format_duration
from gslb.model.exposure import ALLOWANCE
from gslb.model.expressible import DEGRADABLE
from gslb.model.fitness import calm_ttl
from providers import EMBEDDED


def report(configuration: Configuration) -> RenderableType:
    """Everything there is to say about a configuration without faults."""
    topology = configuration.topology
    endpoints = sum(len(region.endpoints) for region in topology.regions.values())
    head = (
        f"[green]ok[/] {escape(str(configuration.path))}: {len(topology.services)} services, "
        f"{len(topology.regions)} regions, {endpoints} endpoints, version {configuration.version}"
    )
    parts: list[RenderableType] = [head, "", *_settings(configuration)]
    parts += [*_published(configuration), *_sayable(configuration), *_recovery(configuration), *_ttls(configuration)]
    parts += _delegations(configuration)
    warnings = (*configuration.warnings, *user_warnings(configuration))
    parts += [f"[yellow]warning[/] {escape(str(warning))}" for warning in warnings]
    return Group(*parts)


def _settings(configuration: Configuration) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for path, section in configuration.sections:
        given = section.model_fields_set
        values = section.model_dump(mode="json")
        if not values:
            continue
        lines.append(f"[bold]{escape(f'[{path}]')}[/]")
        lines += [_setting(key, value, default=key not in given) for key, value in values.items()]
    return [*lines, ""]


def _setting(key: str, value: Any, *, default: bool) -> str:
    text = escape(f"  {key} = {to_toml(value)}")
    return f"[dim]{text}  # default[/]" if default else text


def _published(configuration: Configuration) -> list[RenderableType]:
    """Where each zone is published, and what that provider is like."""
    publishing = configuration.publishing
    table = _table("zone", "provider", "type", "TTL floor", "everywhere in", "requests")
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"
    for origin, names in publishing.zones.items():
        for name in names:
            setup = publishing.providers.get(name)
            table.add_row(
                origin.removesuffix("."),
                name,
                setup.type if setup else EMBEDDED,
                f"{publishing.capabilities(name).min_ttl}s",
                format_duration(publishing.delay(name)),
                f"{setup.rate:g}/s, {setup.burst} at once" if setup else "-",
            )
    return ["[bold]published at[/]", table, ""]


def _sayable(configuration: Configuration) -> list[RenderableType]:
    """How API providers say what is answered, and what they cannot say (see ``degrade``)."""
    publishing = configuration.publishing
    used = {name for names in publishing.zones.values() for name in names}
    table = _table("provider", "weights", "one in another", "routing policies", "cannot say")
    table.columns[-1].no_wrap = table.columns[-2].no_wrap = False
    for name in publishing.providers:
        if name in used:
            told = publishing.capabilities(name)
            table.add_row(
                name,
                f"up to {told.max_weight}" if told.max_weight else "none",
                "yes" if told.nesting else "no",
                ", ".join(told.policies) or "-",
                ", ".join(sorted(DEGRADABLE - told.features)) or "-",
            )
    return ["[bold]said by[/]", table, ""] if table.rows else []


def _recovery(configuration: Configuration) -> list[RenderableType]:
    """The RTO table: predicted worst case for each service, term by term."""
    if not configuration.rto:
        return []
    table = _table("service", "stated", "worst case", "slowest at", "arithmetic")
    table.columns[-1].no_wrap = False
    for name, rto in configuration.rto.items():
        stated = configuration.topology.services[name].rto
        table.add_row(
            name.removesuffix("."),
            format_duration(stated) if stated else "-",
            format_duration(rto.total),
            configuration.publishing.slowest(name),
            str(rto),
        )
    return ["[bold]recovery time: from a fault until no resolver answers with it[/]", table, ""]


def _ttls(configuration: Configuration) -> list[RenderableType]:
    """TTLs of each service, the lowest that its providers take, and how long a planned drain lasts by them."""
    publishing, table = configuration.publishing, _table("service", "in calm", "alert", "floor", "a drain takes")
    for name, service in configuration.topology.services.items():
        calm, alert = calm_ttl(service), service.ttl_alert
        # Down to the alert TTL, which needs no wait where that is the TTL already, and out of all caches after that.
        each = publishing.delay(publishing.slowest(name)) + ALLOWANCE
        takes = (calm + each if calm > alert else 0.0) + alert + each
        strictest = publishing.strictest(name)
        floor = f"{publishing.capabilities(strictest).min_ttl}s ({strictest})"
        table.add_row(name.removesuffix("."), f"{calm}s", f"{alert}s", floor, format_duration(takes))
    return ["[bold]TTL[/]", table, ""]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _delegations(configuration: Configuration) -> list[RenderableType]:
    """What others have to publish so that resolvers find our zones."""
    lines: list[RenderableType] = []
    for origin, records in asked_of_parents(configuration.zones):
        lines.append(f"[bold]zone {escape(origin.removesuffix('.'))}: ask the parent zone for[/]")
        lines += [escape(f"  {presentation(record)}") for record in records]
    return [*lines, ""] if lines else []
