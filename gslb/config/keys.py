"""[keys.NAME]: secrets that zone transfers and notifications are signed with (RFC 8945)."""

import base64
import binascii
from secrets import token_bytes
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gslb.config.reader import Reader
from gslb.config.receivers import Secret, read_secret, words_of
from gslb.model.options import CONFIDENTIAL, Options, PathText
from gslb.nameserver.transfer.access import TsigKey

LEAST_BYTES = 16


def check_secret(text: str) -> str:
    """``text``, which is a secret in base64.

    Raises:
        ValueError: it is none, or shorter than 16 bytes.
    """
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is no base64; make a secret with: tsig-keygen, or head -c32 /dev/urandom | base64") from None
    if len(secret) < LEAST_BYTES:
        raise ValueError(f"has {len(secret)} bytes; make one of {LEAST_BYTES} at least, better 32")
    return text


class KeySection(Options):
    """A key that both sides know. NAME is its name there too, a DNS name."""

    algorithm: Annotated[
        Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"], Field(description="how messages are signed")
    ] = "hmac-sha256"
    secret: Annotated[
        Secret | None, CONFIDENTIAL, Field(repr=False, description='the secret in base64, as in "${XFR_SECRET}"')
    ] = None
    secret_file: Annotated[
        PathText | None, Field(description="file with the secret instead, read when the configuration is")
    ] = None

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if bool(self.secret) == bool(self.secret_file):
            raise ValueError("has to have one of secret and secret_file; write secret_file, say")
        if self.secret:
            check_secret(self.secret)
        return self


def read_keys(reader: Reader, *, kept: bool) -> dict[str, TsigKey | None]:
    """The keys by name, absolute; None for one with faults.

    Args:
        reader: collects the faults.
        kept: they were accepted before, so that a missing file is no reason not to start.
    """
    found: dict[str, TsigKey | None] = {}
    for key, table in reader.tables("keys").items():
        at = "keys", key
        name, section = reader.dns_name(key, at), reader.parse(KeySection, table, at)
        if name is None:
            continue
        if name in found:
            reader.fault(at, "is the name of another key too", "keep one of them")
        secret = _secret(reader, at, section, kept=kept) if section else None
        found[name] = TsigKey(name, section.algorithm, secret) if section and secret else None
    return found


def _secret(reader: Reader, at: tuple[str, ...], section: KeySection, *, kept: bool) -> str | None:
    if section.secret_file is None:
        return section.secret
    try:
        return check_secret(read_secret(section.secret_file))
    except (OSError, ValueError) as error:
        if kept:  # nobody can sign with this, and what needs the key is refused, until it can be read again
            return base64.b64encode(token_bytes(32)).decode()
        message, _, remedy = words_of(error).partition("; ")
        fault = f"{section.secret_file} cannot be used: {message}"
        reader.fault((*at, "secret_file"), fault, remedy or "write the secret in base64 into it, readable for gslb")
    return None
