r"""Names of record sets, which the model has as master files do (RFC 1035, section 5.1): ``a\$b.example.com.``.

They are as dnspython writes them, since names of services are: an octet that cannot be seen is three decimal digits.
"""

import re
from collections.abc import Iterable, Mapping

from dns.exception import DNSException
from dns.name import Name, from_text, root

_LABEL_TEXT = re.compile(r"((?:\\[0-9]{3}|\\.|[^.\\])*)\.")
_ESCAPE = re.compile(rb"\\(?:([0-9]{3})|(.))", re.DOTALL)


def labels(name: str) -> tuple[bytes, ...]:
    """The octets of each label of the absolute ``name``, without the root; empty ones of what is no name: ``a..b.``."""
    if "\\" not in name:
        return tuple(name.removesuffix(".").encode().split(b"."))
    return tuple(_ESCAPE.sub(_octet, text.encode()) for text in _LABEL_TEXT.findall(name))


def text(labels_: Iterable[bytes]) -> str:
    """The absolute name that has these labels, in lower case.

    Raises:
        dns.exception.DNSException: there is none.
    """
    return Name((*(label.lower() for label in labels_), b"")).to_text()


def by_origin(zones: Mapping[str, str]) -> dict[str, str]:
    """What an option has for zones, by their origins as the model has them: absolute, in lower case, IDNs in ASCII.

    Raises:
        ValueError: a key is no name of a zone, or two are the same.
    """
    found: dict[str, str] = {}
    for key, value in zones.items():
        if (origin := _origin(key)) in found:
            raise ValueError(f"{key!r} is there twice; keep one of them")
        found[origin] = value
    return found


def _origin(key: str) -> str:
    try:
        name = from_text(key.lower())
    except (DNSException, UnicodeError) as error:
        raise ValueError(f"{key!r} is not a DNS name: {error}; write one such as example.com") from None
    if name == root or any(b"*" in label for label in name.labels):
        raise ValueError(f"{key!r} is no zone; write one such as example.com")
    return name.to_text()


def _octet(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1]) & 0xFF]) if found[1] else found[2]
