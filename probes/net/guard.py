"""Addresses that no probe should be talked into: link-local ones, and where clouds hand out credentials.

Whoever can edit a DNS record or send a redirect could otherwise make the prober fetch them: server-side request
forgery.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

from gslb.model.address import IP, IPNetwork

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last 32 bits are an IPv4 address that a translator goes on to"""

_REFUSED: tuple[tuple[IPNetwork, str], ...] = tuple(
    (ip_network(text), why)
    for text, why in (
        ("169.254.0.0/16", "link-local (RFC 3927), where clouds serve instance metadata"),
        ("fe80::/10", "link-local (RFC 4291)"),
        ("fd00:ec2::/32", "the instance metadata of AWS"),
        ("fd20:ce::/32", "the instance metadata of Google Cloud"),
        ("100.100.100.200/32", "the instance metadata of Alibaba Cloud"),
        ("168.63.129.16/32", "the platform address of Azure"),
        ("192.0.0.192/32", "the instance metadata of Oracle Cloud"),
        ("0.0.0.0/8", "no address of a host (RFC 1122)"),
        ("::/128", "no address of a host (RFC 4291)"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("ff00::/8", "multicast"),
    )
)


def refusal(ip: IP, allowed: Iterable[IPNetwork] = ()) -> str | None:
    """Why ``ip`` must not be probed; None if it may, or is in one of the ``allowed`` networks.

    An IPv4 address in IPv6 clothes is judged as what it is.
    """
    found = bare(ip)
    if any(found in network for network in allowed):
        return None
    return next((why for network, why in _REFUSED if found in network), None)


def bare(ip: IP) -> IP:
    """The IPv4 address that an IPv6 one stands for: mapped (RFC 4291), translated (RFC 6052), or 6to4 (RFC 3056)."""
    if not isinstance(ip, IPv6Address):
        return ip
    if ip in _TRANSLATED:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
