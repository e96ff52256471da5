"""What the monitor is told to probe: reference targets are what the operator wrote down, wherever that is."""

from ipaddress import ip_address

import pytest

from gslb.config.load import load
from gslb.control.runner import CheckSetup
from gslb.control.setups import check_setups
from probes.net.guard import refusal
from tests.control.rig import Lab

METADATA = ip_address("169.254.169.254")


def reference(lab: Lab, address: str) -> CheckSetup:
    lab.write(more=f'[vantages.here]\nreferences = ["{address}"]\n')
    (setup,) = check_setups(load(lab.file, {}), ()).values()
    return setup


@pytest.mark.parametrize("host", ["169.254.169.253", "fe80::1", "::ffff:169.254.169.253"])
async def test_a_reference_at_a_link_local_address_is_probed_and_nothing_else_there(lab: Lab, host: str) -> None:
    ip = ip_address(host)
    setup = reference(lab, f"[{host}]:53" if ip.version == 6 else f"{host}:53")
    assert setup.address.host == ip
    assert refusal(ip) is not None
    assert refusal(ip, setup.allowed) is None
    assert refusal(METADATA, setup.allowed) is not None


async def test_a_reference_that_is_named_may_not_lead_there(lab: Lab) -> None:
    assert refusal(METADATA, reference(lab, "resolver.example.net:53").allowed) is not None
