"""The configuration reference, made from the schemas: ``python -m gslb.config.reference > docs/configuration.md``."""

import sys
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gslb.config.escalations import StageSection
from gslb.config.load import KEYED, SINGLE
from gslb.config.notify import TYPES as CHANNELS
from gslb.config.plugins import load_plugin
from gslb.config.probes import ProbeSection
from gslb.config.providers import ProviderSection
from gslb.config.receivers import ReceiverOptions
from gslb.config.toml import to_toml
from policies import BUILTIN as POLICIES
from probes import BUILTIN as PROBES
from providers import BUILTIN as PROVIDERS

_INTRODUCTION = """\
# Configuration reference

One TOML file. Relative paths are relative to its folder; `${NAME}` in a string reads the environment. Durations are
text with a unit: `"500ms"`, `"1.5s"`, `"2m"`, `"24h"`, `"7d"`. Unknown keys are refused. `gslb check FILE` shows every
value in force, defaults included. This page is made from the schemas; a test fails when it is stale.
"""


def reference() -> str:
    """The whole page, in Markdown."""
    parts = [_INTRODUCTION]
    for name, model in SINGLE.items():
        parts.append(_section(f"[{name}]", model))
    for name, model in KEYED.items():
        parts.append(_section(f"[{name}.{'REGION' if name == 'gateways' else 'NAME'}]", model))
    parts.append(_section("one of stages in [escalations.NAME]", StageSection))
    parts.append(_section("webhook of a stage", ReceiverOptions))
    parts += [_section(f'[notify.NAME] with type = "{name}"', model) for name, model in CHANNELS.items()]
    parts.append(_section("[probes.NAME]", ProbeSection))
    parts += [_section(f'[probes.NAME] with type = "{name}"', load_plugin("probe", name)) for name in sorted(PROBES)]
    parts.append(_section("[providers.NAME]", ProviderSection))
    parts += [
        _section(f'[providers.NAME] with type = "{name}"', load_plugin("provider", name)) for name in sorted(PROVIDERS)
    ]
    parts += [_section(f'policy step "{name}"', load_plugin("policy", name)) for name in sorted(POLICIES)]
    return "\n".join(parts)


def _section(title: str, model: type[BaseModel]) -> str:
    text = (model.__doc__ or "").partition("\n")[0]
    rows = list(_rows(model, ""))
    if not rows:
        return f"## `{title}`\n\n{text} It has no options.\n"
    table = "\n".join(("| key | default | meaning |", "| --- | --- | --- |", *rows))
    return f"## `{title}`\n\n{text}\n\n{table}\n"


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"| `{prefix}{name}` | {_default(model, name)} | {field.description or ''} |"
        if (table := _table(field.annotation)) is not None:
            yield from _rows(table, f"{prefix}{name}.")


def _table(annotation: Any) -> type[BaseModel] | None:
    """The schema of a table whose keys are set one by one, and of one that may be left out as well.

    One with a required key is a choice that is written as a whole.
    """
    choices = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    table = next((choice for choice in choices if choice is not NoneType), None)
    if not (isinstance(table, type) and issubclass(table, BaseModel)):
        return None
    return None if any(field.is_required() for field in table.model_fields.values()) else table


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "*required*"
    if field.default is PydanticUndefined:
        return "the host's name"
    if field.default is None:
        return "none"
    if isinstance(field.default, BaseModel):
        return (
            "see below"
            if _table(field.annotation) is not None
            else f"`{to_toml(field.default.model_dump(mode='json')['mode'])}`"
        )
    shown = model.model_construct(**{name: field.default}).model_dump(mode="json", include={name}, warnings=False)
    return f"`{to_toml(shown[name])}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
