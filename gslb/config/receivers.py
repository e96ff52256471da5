"""What notifications and escalations have in common: whom a webhook calls, and secrets, which are never in the TOML."""

import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, PlainSerializer, model_validator

from gslb.config.faults import is_confidential
from gslb.config.plugins import load_plugin
from gslb.config.reader import Reader
from gslb.errors import PluginError
from gslb.model.options import CONFIDENTIAL, Options, PathText, is_secret
from gslb.model.template import faults_of

SENT_TO = "gslb-"
"""Begins the names of the headers by which a receiver tells what it got."""

_OURS = {"host", "connection", "content-length", "transfer-encoding", "upgrade", "expect", "te"}
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]*$", max_length=8192)]
Secret = Annotated[str, Field(min_length=1, max_length=4096)]
Glob = Annotated[str, Field(pattern=r"^[a-z0-9_*?!\[\].-]{1,253}$")]
"""Name of a service without the final dot, or a pattern such as ``*.example.com``."""


def _can_be_called(url: str) -> str:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        port_is_one, parts = False, urlsplit("")
    if not port_is_one or parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        raise ValueError("is no address of a receiver; write one such as https://receiver.example.com/hook")
    if "@" in parts.netloc or parts.fragment or " " in url:
        raise ValueError("has a user, a fragment or a blank in it; send credentials in headers")
    return url


def _masked(value: Any) -> Any:
    """A template as it can be shown."""
    if isinstance(value, dict):
        return {key: "***" if is_secret(key) and entry else _masked(entry) for key, entry in value.items()}
    return [_masked(entry) for entry in value] if isinstance(value, list) else value


class ReceiverOptions(Options):
    """Whom a webhook calls, and with what."""

    url: Annotated[
        str,
        AfterValidator(_can_be_called),
        CONFIDENTIAL,
        Field(repr=False, max_length=2048, description="where it is posted to, http or https"),
    ]
    secret: Annotated[
        Secret | None, CONFIDENTIAL, Field(repr=False, description='key to sign with, as in "${WEBHOOK_SECRET}"')
    ] = None
    secret_file: Annotated[
        PathText | None, Field(description="file with that key instead, read anew for each request")
    ] = None
    template: Annotated[
        dict[str, Any] | None,
        CONFIDENTIAL,
        Field(repr=False, description="the JSON to post; default: all that is known"),
        PlainSerializer(_masked),  # the last one counts
    ] = None
    headers: Annotated[
        dict[HeaderName, HeaderValue], CONFIDENTIAL, Field(max_length=50, repr=False, description="further headers")
    ] = {}  # noqa: RUF012  pydantic copies it
    ca_file: Annotated[
        PathText | None, Field(description="PEM file of the authorities to trust; default: the system's")
    ] = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.secret and self.secret_file:
            raise ValueError("has both secret and secret_file; keep one of them")
        if self.ca_file and self.url.startswith("http:"):
            raise ValueError("has a ca_file, but its url begins with http:, which knows no certificates; use https:")
        for name in self.headers:
            if name.lower() in _OURS or name.lower().startswith(SENT_TO):
                raise ValueError(f"header {name} is made by gslb itself; remove it")
        return self


def check_receiver(
    reader: Reader, at: tuple[str | int, ...], options: ReceiverOptions, known: Iterable[str], *, kept: bool
) -> None:
    """The template names what there is, and files can be read.

    Args:
        reader: collects the faults.
        at: key path of the table.
        options: the table.
        known: names that the template may have places for.
        kept: it was accepted before, so that a missing file is no reason not to start.
    """
    for fault in faults_of(options.template, known):
        message, _, remedy = fault.partition("; ")
        reader.fault((*at, "template"), message, remedy)
    if not kept:
        check_secret_file(reader, (*at, "secret_file"), options.secret_file)
        check_authorities(reader, (*at, "ca_file"), options.ca_file)


def check_secret_file(reader: Reader, at: tuple[str | int, ...], path: Path | None) -> None:
    """The file, where one is named, holds something."""
    try:
        if path is not None:
            read_secret(path)
    except (OSError, ValueError) as error:
        reader.fault(at, f"{path} cannot be used: {words_of(error)}", "write the secret into it, readable for gslb")


def read_secret(path: Path) -> str:
    """The first line of the file at ``path``.

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty, or no text.
    """
    with path.open(encoding="utf-8") as file:
        line = file.readline(4097).strip()
    if not line:
        raise ValueError("its first line is empty")
    return line


def check_authorities(reader: Reader, at: tuple[str | int, ...], path: Path | None) -> None:
    """The file, where one is named, holds certificates."""
    try:
        if path is not None:
            ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        reader.fault(at, f"{path} cannot be used: {words_of(error)}", "name a PEM file of certificates")


def words_of(error: Exception) -> str:
    """What is wrong with a file, in words."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def literal_secrets(document: Mapping[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """Key paths of secrets of notifications, escalations, keys and providers that stand in the file as they are.

    Args:
        document: the file before ``${NAME}`` is replaced.
    """
    for section in ("notify", "escalations", "keys"):
        yield from _literals(document.get(section), (section,))
    providers = document.get("providers")
    for name, table in providers.items() if isinstance(providers, dict) else ():
        yield from _literals(table, ("providers", name), _schema(table))


def _schema(table: Any) -> type[BaseModel] | None:
    """The schema of a provider's options, which says what is confidential; None where its type cannot be used."""
    try:
        return load_plugin("provider", str(table["type"])) if isinstance(table, dict) and "type" in table else None
    except PluginError:
        return None


def _literals(
    value: Any, at: tuple[str | int, ...], schema: type[BaseModel] | None = None
) -> Iterator[tuple[str | int, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        here = (*at, key)
        if isinstance(entry, str) and _is_secret(here, schema) and not _REFERENCE.search(entry):
            yield here
        elif key != "template":
            yield from _literals(entry, here, schema)


def _is_secret(at: tuple[str | int, ...], schema: type[BaseModel] | None) -> bool:
    """Whether nobody but its reader may see what stands there: by its name, or as ``schema`` says."""
    *_, table, key = at
    by_name = key in ("secret", "password") or (table == "headers" and is_secret(str(key)))
    return by_name or (schema is not None and is_confidential(schema, at[2:]))
