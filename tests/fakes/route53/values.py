"""Which values a record of each type may have."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from tests.fakes.route53.errors import ApiError
from tests.fakes.route53.names import canonical

_STRING = re.compile(r'"(?:[^"\\]|\\[0-7]{3}|\\.)*"')
_ESCAPE = re.compile(r"\\[0-7]{3}|\\.")
_MAX_STRING = 255
_TAG = re.compile(r"[A-Za-z0-9]{1,15}")
_HOST = re.compile(r"[A-Za-z0-9_*\\-]{1,63}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def problem(kind: str, value: str) -> str:
    """What is wrong with one value, as Route 53 says it; empty if nothing is."""
    found = _CHECKS.get(kind, _anything)(value)
    return f"Invalid Resource Record: 'FATAL problem: {found} encountered with '{value}''" if found else ""


def _ipv4(value: str) -> str:
    try:
        IPv4Address(value)
    except ValueError:
        return "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
    return ""


def _ipv6(value: str) -> str:
    try:
        valid = "%" not in value and bool(IPv6Address(value))
    except ValueError:
        valid = False
    return "" if valid else "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"


def _strings(value: str) -> str:
    """Quoted strings with white space between them."""
    rest = _STRING.sub("", value)
    if rest.strip() or not value.strip() or '""' in rest or re.search(r'"\S*"(?=")', value.replace('\\"', "")):
        return "InvalidCharacterString (Value should be enclosed in quotation marks)"
    if any(len(_ESCAPE.sub("x", text)) - 2 > _MAX_STRING for text in _STRING.findall(value)):
        return "CharacterStringTooLong (Value is too long)"
    return ""


def _domain(value: str) -> str:
    labels = value.removesuffix(".").split(".")
    try:
        canonical(value)
    except ApiError:
        return "DomainNameInvalid (Value is not a valid domain name)"
    if all(_HOST.fullmatch(label) for label in labels):
        return ""
    return "DomainNameInvalid (Value is not a valid domain name)"


def _number(text: str, most: int) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= most


def _fields(*kinds: int | Callable[[str], str] | None) -> Callable[[str], str]:
    """A check of values with as many fields: numbers up to a limit, what has a check of its own, or anything."""

    def check(value: str) -> str:
        fields = value.split(None, len(kinds) - 1)
        if len(fields) != len(kinds):
            return f"RRDATANotEnoughFields (Value does not have {len(kinds)} fields)"
        for field, kind in zip(fields, kinds, strict=True):
            if isinstance(kind, int) and not _number(field, kind):
                return f"RRDATANumberInvalid (Value has a number outside of 0 to {kind})"
            if callable(kind) and (found := kind(field)):
                return found
        return ""

    return check


def _tag(value: str) -> str:
    return "" if _TAG.fullmatch(value) else "CAARRDATATagInvalid (Value is not a valid tag)"


def _hex(value: str) -> str:
    return "" if _HEX.fullmatch(value.replace(" ", "")) else "HexInvalid (Value is not hexadecimal)"


def _anything(value: str) -> str:
    return "" if value.strip() else "RRDATAEmpty (Value is empty)"


_U8, _U16, _U32 = 2**8 - 1, 2**16 - 1, 2**32 - 1
_CHECKS: dict[str, Callable[[str], str]] = {
    "A": _ipv4,
    "AAAA": _ipv6,
    "CAA": _fields(_U8, _tag, _strings),
    "CNAME": _domain,
    "DS": _fields(_U16, _U8, _U8, _hex),
    "HTTPS": _fields(_U16, None),
    "MX": _fields(_U16, _domain),
    "NAPTR": _fields(_U16, _U16, _strings, _strings, _strings, None),
    "NS": _domain,
    "PTR": _domain,
    "SOA": _fields(_domain, _domain, _U32, _U32, _U32, _U32, _U32),
    "SPF": _strings,
    "SRV": _fields(_U16, _U16, _U16, _domain),
    "SSHFP": _fields(_U8, _U8, _hex),
    "SVCB": _fields(_U16, None),
    "TLSA": _fields(_U8, _U8, _U8, _hex),
    "TXT": _strings,
}
TYPES = frozenset(_CHECKS)
"""All that Route 53 has."""
