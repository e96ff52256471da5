"""Which zones are written at which API providers, from the configuration."""

from types import MappingProxyType

from gslb.config.configuration import Configuration
from gslb.control.writing.setup import WriterSetup
from gslb.model.expressible import Feature
from providers import EMBEDDED


def writer_setups(configuration: Configuration, fence: int) -> list[WriterSetup]:
    """A setup for each zone at each API provider.

    Args:
        configuration: what to publish, and where.
        fence: number of the lease that is held.
    """
    services = configuration.topology.services
    setups = []
    for (name, zone), names in configuration.outlets.items():
        if name == EMBEDDED:
            continue
        provider = configuration.providers[name]
        # Failures lead to nobody only where that was agreed to; people who order everybody out are obeyed in any case.
        without = {service: services[service].degrade | {Feature.SERVFAIL} for service in names}
        setups.append(
            WriterSetup(
                provider=name,
                zone=zone,
                options=provider.provider,
                services=frozenset(names),
                owner=configuration.owner,
                fence=fence,
                without=MappingProxyType(without),
                limits=provider.limits,
                deadline=provider.deadline,
                drift=provider.drift,
                drift_interval=provider.drift_interval,
                witness=provider.witness,
                nameservers=provider.nameservers,
                rate=provider.rate,
                burst=provider.burst,
            )
        )
    return setups
