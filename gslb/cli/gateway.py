"""gslb gateway: the gateway of one region, independent of the daemon."""

from pathlib import Path

import uvloop

import gslb
from gslb.config.faults import suggest
from gslb.config.load import load
from gslb.errors import ConfigError, Problem
from gslb.gateway.run import run_gateway
from gslb.model.names import RegionName
from gslb.telemetry.log import configure_log


def run_region(path: Path, region: str) -> None:
    """Run the gateway of ``region`` until SIGTERM.

    Raises:
        ConfigError: the file has faults, or no gateway for this region.
        ListenError: an address is taken.
    """
    configuration = load(path)
    settings = configuration.gateways.get(RegionName(region))
    if settings is None:
        remedy = f"add the section; {suggest(region, configuration.gateways)}"
        raise ConfigError(Problem(str(path), f"gateways.{region}", "no such gateway", remedy))
    configure_log(configuration.log.format, configuration.log.level, f"gateway-{region}")

    uvloop.run(run_gateway(settings, version=gslb.__version__, config_version=configuration.version))
