"""From the configuration to what the monitor probes: every check, and the reference targets of each vantage point."""

from collections.abc import Iterable

from gslb.config.configuration import Configuration
from gslb.control.runner import CheckSetup
from gslb.control.vantage import REFERENCE_PACE
from gslb.model.observation import REFERENCE, CheckKey
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
            setups[CheckKey(name, REFERENCE, str(address))] = CheckSetup(Tcp(), REFERENCE_PACE, address)
    return setups
