"""Reload: read and check the file anew, then swap; on any fault the present configuration stays."""

import asyncio

import structlog

from gslb.config.load import load
from gslb.control.controller import Controller
from gslb.errors import ConfigError

log = structlog.get_logger(__name__)


async def reload_file(controller: Controller) -> None:
    """Load the controller's file again.

    Raises:
        ConfigError: the file has faults, or changes what needs a restart; nothing has changed then.
    """
    try:
        controller.reload(await asyncio.to_thread(load, controller.configuration.path))
    except ConfigError as error:
        controller.metrics.reloads.labels("refused").inc()
        log.error("reload refused, the former configuration stays", problems=[str(p) for p in error.problems])  # noqa: TRY400  a person reads this, not a developer
        raise
