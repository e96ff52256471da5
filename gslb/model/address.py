"""Where something listens: an IP address or a host name, and a port."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IP = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


@lru_cache(maxsize=65_536)
def text_of(ip: IP) -> str:
    """The address as text, which is wanted for every attempt and every decision: making it anew would show."""
    return str(ip)


_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_MAX_PORT = 65535
_FORMS = "write host:port, or [address]:port for IPv6"
_MAX_NAME = 253


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port. ``host`` is an IP address, or a host name in lower case that is re-resolved."""

    host: IP | str
    port: int

    def __str__(self) -> str:
        """``host:port``, with brackets around an IPv6 address (RFC 3986, section 3.2.2)."""
        return f"[{self.host}]:{self.port}" if isinstance(self.host, IPv6Address) else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read ``ip:port``, ``[v6]:port`` or ``name:port``.

    Raises:
        ValueError: no port, a port outside 1..65535, or a host that is neither an IP address nor a host name.
    """
    bare = _ipv6(text)
    if bare is not None:
        raise ValueError(f"{text!r} has no port, or no brackets; write [{text}]:port")
    form = re.fullmatch(r"(?:\[([^\]]*)\]|(.*)):([0-9]+)", text)
    if form is None:
        raise ValueError(f"{text!r} is not an address; {_FORMS}")
    bracketed, host, port = form.groups()
    if bracketed is not None:
        found = _ipv6(bracketed)
        if found is None:
            raise ValueError(f"{text!r} has no IPv6 address in its brackets; {_FORMS}")
        return Address(found, _port(port, text))
    if ":" in host:
        raise ValueError(f"{text!r} has colons outside of brackets; write [{host}]:{port} for IPv6")
    return Address(_host(host, text), _port(port, text))


def client_network(text: str) -> IPNetwork:
    """Read a client: an address, as a network of its own, or a network in CIDR form.

    An IPv4 address written as IPv6 (RFC 4291, section 2.5.5.2) is the former, as it is for the nameserver.

    Raises:
        ValueError: ``text`` is neither.
    """
    try:
        network = ip_network(text.partition("%")[0] if "/" not in text else text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no address and no network: {error}; write one such as 198.51.100.7 or 198.51.100.0/24"
        ) from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return ip_network(mapped) if mapped is not None and network.prefixlen == network.max_prefixlen else network


def _ipv6(text: str) -> IPv6Address | None:
    try:
        return IPv6Address(text)
    except ValueError:
        return None


def parse_ip(text: str) -> IP:
    """Read an IPv4 or IPv6 address.

    Raises:
        ValueError: ``text`` is neither.
    """
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address; write one such as 203.0.113.7 or 2001:db8::7") from None


def _port(digits: str, text: str) -> int:
    port = int(digits)
    if not 1 <= port <= _MAX_PORT:
        raise ValueError(f"{text!r} has port {port}; ports go from 1 to {_MAX_PORT}")
    return port


def _host(host: str, text: str) -> IP | str:
    if re.fullmatch(r"[0-9.]+", host):
        return parse_ip(host)
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{text!r} has {host!r}, which is neither an IP address nor a host name; {_FORMS}")
    return host.lower()
