"""DNS names in the configuration."""

from collections.abc import Container, Iterable, Iterator, Sequence

import dns.exception
import dns.name


def absolute(text: str, *, wildcard: bool = False) -> str:
    """``text`` as an absolute name in lower case, with the final dot.

    Args:
        text: what somebody wrote.
        wildcard: whether its leftmost label may be ``*`` (RFC 4592, section 2.1.1).

    Raises:
        ValueError: not a DNS name (RFC 1035, section 2.3.4), or a wildcard where there can be none.
    """
    try:
        name = dns.name.from_text(text.lower())
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{text!r} is not a DNS name: {error}; write one such as api.example.com") from None
    if (name.is_wild() and not wildcard) or name == dns.name.root:
        raise ValueError(f"{text!r} cannot be used here; write a full name such as api.example.com")
    if any(b"*" in label for label in name.labels[name.is_wild() :]):
        raise ValueError(f"{text!r} has * where it is no wildcard; write it as the whole first label or not at all")
    return name.to_text()


def is_below(name: str, origin: str) -> bool:
    """Whether the absolute ``name`` is ``origin`` or below it."""
    return name == origin or name.endswith("." + origin)


def suffixes(name: str) -> Iterator[str]:
    """The absolute ``name``, its parent, and so on; the root, ``.``, is the last."""
    while name != ".":
        yield name
        _, _, rest = name.partition(".")
        name = rest or "."
    yield name


def closest(name: str, origins: Container[str]) -> str | None:
    """The zone that ``name`` is in: the longest of ``origins`` that it is or is below."""
    return next((suffix for suffix in suffixes(name) if suffix in origins), None)


def wildcard_above(name: str, owners: Iterable[str]) -> str:
    """The wildcard that would answer for ``name``, which does not exist, in a zone with these ``owners``.

    That is the one below the closest encloser (RFC 4592, section 3.3.1), whether there is one of that name or not.
    """
    above = list(suffixes(name))[1:]
    depth = min((_depth(above, owner) for owner in owners), default=len(above) - 1)
    return f"*.{above[depth]}".removesuffix(".") + "."


def _depth(above: Sequence[str], owner: str) -> int:
    """Which of ``above`` is the first that exists because of ``owner``."""
    return next(depth for depth, suffix in enumerate(above) if suffix == "." or is_below(owner, suffix))
