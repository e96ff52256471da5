"""Domain names as Route 53 keeps, compares and orders them."""

import re

from tests.fakes.route53.errors import ApiError, invalid_batch

_PLAIN = re.compile(r"[a-z0-9_-]")
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")
_MAX_LABEL = 63
_MAX_NAME = 255
WILDCARD = r"\052"
"""How an asterisk is written in what Route 53 answers."""


def canonical(name: str) -> str:
    r"""In lower case, absolute, and with whatever is not a letter, digit, ``-`` or ``_`` as an octal escape (``\052``).

    Raises:
        ApiError: an empty label, a label of more than 63 characters, or more than 255 in all.
    """
    octets = name.removesuffix(".").encode().split(b".")  # a dot within a label is escaped
    labels = [_ESCAPE.sub(lambda found: bytes([int(found[1], 8)]), label).lower() for label in octets]
    if not all(labels):
        raise _invalid("DomainLabelEmpty (Domain label is empty)", name)
    if any(len(label) > _MAX_LABEL for label in labels):
        raise _invalid("DomainLabelTooLong (Domain label is too long)", name)
    if sum(len(label) + 1 for label in labels) > _MAX_NAME:
        raise _invalid("DomainNameTooLong (Domain name is too long)", name)
    return ".".join("".join(map(_escaped, label)) for label in labels) + "."


def order(name: str) -> str:
    """Sorts canonical names as Route 53 lists them: labels reversed, and a dot at the end."""
    return ".".join(reversed(name.removesuffix(".").split("."))) + "."


def within(name: str, zone: str) -> bool:
    """Whether a canonical name is the zone's own or below it."""
    return name == zone or name.endswith(f".{zone}")


def _escaped(octet: int) -> str:
    return chr(octet) if _PLAIN.match(chr(octet)) else f"\\{octet:03o}"


def _invalid(problem: str, name: str) -> ApiError:
    return invalid_batch(f"FATAL problem: {problem} encountered with '{name}'")
