"""The configuration reference, made from the schemas: ``python -m gslb.config.reference > docs/configuration.md``."""

import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gslb.config.load import KEYED, SINGLE
from gslb.config.plugins import load_plugin
from gslb.config.probes import ProbeSection
from gslb.config.toml import to_toml
from policies import BUILTIN as POLICIES
from probes import BUILTIN as PROBES

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
    parts.append(_section("[probes.NAME]", ProbeSection))
    parts += [_section(f'[probes.NAME] with type = "{name}"', load_plugin("probe", name)) for name in sorted(PROBES)]
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
        if isinstance(field.default, BaseModel) and field.description and _is_table(field.annotation):
            yield from _rows(type(field.default), f"{prefix}{name}.")


def _is_table(annotation: Any) -> bool:
    """Whether the table's keys are set one by one; one with a required key is a choice written as a whole."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return False
    return not any(field.is_required() for field in annotation.model_fields.values())


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
            if _is_table(field.annotation)
            else f"`{to_toml(field.default.model_dump(mode='json')['mode'])}`"
        )
    shown = model.model_construct(**{name: field.default}).model_dump(mode="json", include={name}, warnings=False)
    return f"`{to_toml(shown[name])}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
