"""Names and globs of services as people write them, where a service may itself be named ``*.apps.example.com``."""

from collections.abc import Container

from gslb.model.names import ServiceName


def meant(text: str, services: Container[ServiceName]) -> str:
    """``text`` as a glob that stands for what is meant: the exact name goes first.

    ``*.apps.example.com`` is the wildcard service of that name, where there is one, and then comes back as
    ``[*].apps.example.com``, which matches nothing else. All other text comes back as it is.
    """
    name = text.removesuffix(".")
    is_wildcard = name.startswith("*.") and ServiceName(f"{name}.") in services
    return f"[*]{name[1:]}" if is_wildcard else text
