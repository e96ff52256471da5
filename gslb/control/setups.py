"""From the configuration to what the monitor probes: every check, and the reference targets of each vantage point."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from gslb.config.configuration import Configuration
from gslb.control.runner import CheckSetup
from gslb.control.vantage import REFERENCE_PACE
from gslb.model.address import IP
from gslb.model.observation import REFERENCE, CheckKey
from probes.net.guard import bare
from probes.tcp import Tcp


def check_setups(configuration: Configuration, keys: Iterable[CheckKey]) -> dict[CheckKey, CheckSetup]:
    """How each of ``keys`` is probed, and the references besides."""
    addresses = {str(endpoint.probe): endpoint.probe for endpoint in configuration.topology.endpoints}
    setups = {}
    for key in keys:
        setup = configuration.probes[key.probe]
        setups[key] = CheckSetup(setup.probe, setup.pace, addresses[key.target], setup.allow)
    for name, vantage in configuration.vantages.items():
        for address in vantage.references:
            setups[CheckKey(name, REFERENCE, str(address))] = CheckSetup(
                Tcp(), REFERENCE_PACE, address, _itself(address.host)
            )
    return setups


def _itself(host: IP | str) -> tuple[IPv4Network | IPv6Network, ...]:
    """An address that was written down is meant, link-local or not; what a name resolves to is for others to say."""
    return () if isinstance(host, str) else (ip_network(bare(host)),)
