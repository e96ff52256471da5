"""gslb check: what a configuration means, with every default, and what recovery times follow from it."""

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from gslb.config.configuration import Configuration
from gslb.config.toml import to_toml
from gslb.model.duration import format_duration


def report(configuration: Configuration) -> RenderableType:
    """Everything there is to say about a configuration without faults."""
    topology = configuration.topology
    endpoints = sum(len(region.endpoints) for region in topology.regions.values())
    head = (
        f"[green]ok[/] {escape(str(configuration.path))}: {len(topology.services)} services, "
        f"{len(topology.regions)} regions, {endpoints} endpoints, version {configuration.version}"
    )
    parts: list[RenderableType] = [head, "", *_settings(configuration), *_recovery(configuration)]
    parts += [f"[yellow]warning[/] {escape(str(warning))}" for warning in configuration.warnings]
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
