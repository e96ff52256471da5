"""DNS names in the configuration."""

import dns.exception
import dns.name


def absolute(text: str) -> str:
    """``text`` as an absolute name in lower case, with the final dot.

    Raises:
        ValueError: not a DNS name (RFC 1035, section 2.3.4), or a wildcard.
    """
    try:
        name = dns.name.from_text(text.lower())
    except dns.exception.DNSException as error:
        raise ValueError(f"{text!r} is not a DNS name: {error}; write one such as api.example.com") from None
    if name.is_wild() or name == dns.name.root:
        raise ValueError(f"{text!r} cannot be used here; write a full name such as api.example.com")
    return name.to_text()


def is_below(name: str, origin: str) -> bool:
    """Whether the absolute ``name`` is ``origin`` or below it."""
    return name == origin or name.endswith("." + origin)
