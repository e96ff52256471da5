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
from gslb.model.fitness import calm_ttl
from providers.embedded import CAPABILITIES


def report(configuration: Configuration) -> RenderableType:
    """Everything there is to say about a configuration without faults."""
    topology = configuration.topology
    endpoints = sum(len(region.endpoints) for region in topology.regions.values())
    head = (
        f"[green]ok[/] {escape(str(configuration.path))}: {len(topology.services)} services, "
        f"{len(topology.regions)} regions, {endpoints} endpoints, version {configuration.version}"
    )
    parts: list[RenderableType] = [head, "", *_settings(configuration)]
    parts += [*_recovery(configuration), *_ttls(configuration), *_delegations(configuration)]
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


def _recovery(configuration: Configuration) -> list[RenderableType]:
    """The RTO table: predicted worst case for each service, term by term."""
    if not configuration.rto:
        return []
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("service", "stated", "worst case", "arithmetic"):
        table.add_column(column, no_wrap=column != "arithmetic")
    for name, rto in configuration.rto.items():
        stated = configuration.topology.services[name].rto
        table.add_row(
            name.removesuffix("."), format_duration(stated) if stated else "-", format_duration(rto.total), str(rto)
        )
    return ["[bold]recovery time: from a fault until no resolver answers with it[/]", table, ""]


def _ttls(configuration: Configuration) -> list[RenderableType]:
    """TTLs of each service, the lowest that its provider takes, and how long a planned drain lasts by them."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("service", "in calm", "alert", "floor", "a drain takes"):
        table.add_column(column, no_wrap=True)
    for name, service in configuration.topology.services.items():
        calm, alert = calm_ttl(service), service.ttl_alert
        # Down to the alert TTL, which needs no wait where that is the TTL already, and out of all caches after that.
        lowering = calm + ALLOWANCE if calm > alert else 0.0
        takes = lowering + alert + ALLOWANCE
        floor = f"{CAPABILITIES.min_ttl}s (embedded)"
        table.add_row(name.removesuffix("."), f"{calm}s", f"{alert}s", floor, format_duration(takes))
    return ["[bold]TTL[/]", table, ""]


def _delegations(configuration: Configuration) -> list[RenderableType]:
    """What others have to publish so that resolvers find our zones."""
    lines: list[RenderableType] = []
    for origin, records in asked_of_parents(configuration.zones):
        lines.append(f"[bold]zone {escape(origin.removesuffix('.'))}: ask the parent zone for[/]")
        lines += [escape(f"  {presentation(record)}") for record in records]
    return [*lines, ""] if lines else []
