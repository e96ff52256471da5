"""Every key of every section and plug-in says what it is for, and its default could stand in a file."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

import policies
import probes
import providers
from gslb.config.load import KEYED, SINGLE
from gslb.config.notify import TYPES as CHANNELS
from gslb.config.plugins import load_plugin
from gslb.config.probes import ProbeSection
from gslb.config.providers import ProviderSection
from gslb.model.options import Options

PLUGINS = [("probe", name) for name in probes.BUILTIN] + [("policy", name) for name in policies.BUILTIN]
PLUGINS += [("provider", name) for name in providers.BUILTIN]
SCHEMAS: list[type[BaseModel]] = [
    *SINGLE.values(),
    *KEYED.values(),
    ProbeSection,
    ProviderSection,
    *CHANNELS.values(),
    *(load_plugin(kind, name) for kind, name in PLUGINS),
]


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every schema in ``annotation``, and in the fields of those."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    else:
        for inner in get_args(annotation):
            yield from models(inner)


FIELDS = {
    f"{model.__name__}.{name}": (model, field)
    for schema in SCHEMAS
    for model in models(schema)
    for name, field in model.model_fields.items()
}


def test_nested_tables_are_walked_too() -> None:
    assert {"TtlSection.steady", "JournalSection.max_age", "EndpointSection.probe", "Http.document"} <= FIELDS.keys()


@pytest.mark.parametrize("key", FIELDS)
def test_every_key_says_what_it_is_for(key: str) -> None:
    _, field = FIELDS[key]
    assert field.description
    assert field.description[0] != " "
    assert not field.description.endswith(".")


@pytest.mark.parametrize("key", [key for key, (_, field) in FIELDS.items() if not field.is_required()])
def test_every_default_reads_back_as_what_it_is(key: str) -> None:
    """As `gslb check` shows it, so that it can be copied into a file."""
    _, field = FIELDS[key]
    adapter = _adapter(field)
    default = field.get_default(call_default_factory=True, validated_data={})
    shown = adapter.dump_python(default, mode="json")
    read = adapter.validate_python(shown, strict=True)
    assert adapter.dump_python(read, mode="json") == shown
    if not field.validate_default:
        assert read == default


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    whole: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return TypeAdapter(whole)


@pytest.mark.parametrize("schema", [model for schema in SCHEMAS for model in models(schema)])
def test_every_schema_is_strict_frozen_and_documented(schema: type[BaseModel]) -> None:
    assert issubclass(schema, Options)
    assert schema.model_config["extra"] == "forbid"
    assert schema.model_config["frozen"] is True
    assert schema.model_config["strict"] is True
    assert schema.__doc__
