"""transfer in [zones.NAME]: who may transfer the zone, and who is told when it has changed."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from gslb.config.faults import suggest
from gslb.config.names import absolute
from gslb.config.nameserver import Listen
from gslb.config.reader import Reader
from gslb.model.address import IPNetwork, client_network
from gslb.model.options import Options
from gslb.nameserver.transfer.access import NOBODY, Transfer, TsigKey

MOST = 64


def _network(value: object) -> IPNetwork:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} should be text in quotes, for example "192.0.2.7"')  # noqa: TRY004  pydantic collects ValueErrors only
    return client_network(value)


Client = Annotated[IPNetwork, BeforeValidator(_network), PlainSerializer(str)]
KeyName = Annotated[str, AfterValidator(absolute)]


class TransferSection(Options):
    """Who may transfer the zone (AXFR, IXFR), and who is told when it has changed. By default nobody."""

    allow: Annotated[
        list[Client], Field(max_length=MOST, description="addresses and networks that may; with keys, both have to fit")
    ] = []  # noqa: RUF012  pydantic copies it
    keys: Annotated[
        list[KeyName],
        Field(max_length=MOST, description="names of [keys]; requests have to be signed with one of them"),
    ] = []  # noqa: RUF012  pydantic copies it
    notify: Annotated[
        list[Listen], Field(max_length=MOST, description="secondaries that are told of changes, ip:port")
    ] = []  # noqa: RUF012  pydantic copies it
    notify_key: Annotated[KeyName | None, Field(description="name of one of [keys] that signs what they are told")] = (
        None
    )


def build_transfer(
    reader: Reader, at: tuple[str | int, ...], section: TransferSection, keys: Mapping[str, TsigKey | None]
) -> Transfer:
    """What the section says; nobody may, where it has faults.

    Args:
        reader: collects the faults.
        at: key path of the table.
        section: the table.
        keys: all of [keys]; those with faults of their own count as existing.
    """
    before = len(reader.problems)
    for index, name in enumerate(section.keys):
        _check_key(reader, (*at, "keys", index), name, keys)
    if section.notify_key is not None:
        _check_key(reader, (*at, "notify_key"), section.notify_key, keys)
        if not section.notify:
            reader.fault((*at, "notify_key"), "is of no use without notify", "add notify, or remove the key")
    if len(reader.problems) > before:
        return NOBODY
    return Transfer(
        allow=tuple(map(str, section.allow)),
        keys=tuple(key for name in section.keys if (key := keys[name]) is not None),
        notify=tuple(map(str, section.notify)),
        notify_key=keys[section.notify_key] if section.notify_key else None,
    )


def _check_key(reader: Reader, at: tuple[str | int, ...], name: str, keys: Mapping[str, TsigKey | None]) -> None:
    if name not in keys:
        shown, known = name.removesuffix("."), [key.removesuffix(".") for key in keys]
        reader.fault(
            at, f"no key {shown!r}", f"define [keys.{shown}]" + (f", or: {suggest(shown, known)}" if known else "")
        )
