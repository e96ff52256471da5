"""Which configuration is in force: the file, read and checked anew; on any fault the one that was accepted before."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from gslb.config.configuration import Configuration
from gslb.config.load import load
from gslb.config.sources import ACCEPTED, PROPOSED, Sources, keep_accepted, read_accepted
from gslb.control.changes import fixed_digest, refuse_restart, restart_keys
from gslb.control.controller import Controller
from gslb.errors import ConfigError, Problem
from gslb.supervisor.renewal import Request

log = structlog.get_logger(__name__)


PATIENCE = 8.0
"""seconds for the supervisor to find out whether it can go on with other processes; less than clients wait"""


class UndecidedError(ConfigError):
    """The supervisor has not said in time whether it can go on with this configuration; it may yet."""


class Reloaded(NamedTuple):
    """What has come of a reload.

    Attributes:
        version: of the configuration that is accepted.
        replacing: keys of it for which processes are being replaced, this one among them. Empty: it is in force.
    """

    version: str
    replacing: tuple[str, ...] = ()


async def reload_file(controller: Controller) -> Reloaded:
    """Load the controller's file again. One reload at a time.

    What processes were started with is changed by others that take their places: the supervisor sees to that.

    Raises:
        ConfigError: the file has faults, or changes what no reload can; nothing has changed then. An UndecidedError: or
            it is not known yet whether processes are replaced.
    """
    async with controller.reloading:
        try:
            loaded = await asyncio.to_thread(load, controller.configuration.path)
            keys = restart_keys(controller.configuration, loaded)
            if keys:
                controller.check(loaded)
                await asyncio.to_thread(_renew, controller.configuration, loaded, keys)
                log.info("configuration accepted, processes are replaced", version=loaded.version, keys=keys)
            else:
                controller.reload(loaded)
        except UndecidedError as error:
            controller.metrics.reloads.labels("undecided").inc()
            controller.metrics.stale.set(1)
            report("reload undecided, the former configuration stays until processes are replaced", error)
            raise
        except ConfigError as error:
            controller.metrics.reloads.labels("refused").inc()
            controller.metrics.stale.set(1)
            report("reload refused, the former configuration stays", error)
            raise
        controller.metrics.stale.set(0)
        if not keys:
            await asyncio.to_thread(keep, loaded)
        return Reloaded(loaded.version, keys)


def _renew(old: Configuration, new: Configuration, keys: tuple[str, ...]) -> None:
    try:
        news = Request(old.run_folder).wait(PATIENCE)
    except LookupError as error:
        refuse_restart(old, new, keys, str(error))
        raise
    if news is None:
        message = "it is not known yet whether processes can be replaced for this: the trial is still under way"
        remedy = "look at the log ('supervisor stays what it is' if not), and at what gslb status says in a minute"
        raise UndecidedError(Problem(str(new.path), ", ".join(keys), message, remedy))
    if news.refused:
        raise ConfigError(Problem(str(new.path), ", ".join(keys), news.refused))


def load_or_accepted(path: Path, run_folder: Path, digest: str) -> tuple[Configuration, ConfigError | None]:
    """The configuration to start with; the accepted one, and what is wrong with the file, where that cannot be used.

    Args:
        path: the configuration file.
        run_folder: of the state that this process was started for.
        digest: of the settings that it was started with, see ``fixed_digest``.

    Raises:
        ConfigError: the file cannot be used, and nothing that was accepted before can be instead.
    """
    try:
        return _load_for(path, digest), None
    except ConfigError as error:
        for name in (ACCEPTED, PROPOSED):  # the latter, if this is the first process that is started for it
            accepted = read_accepted(run_folder, name)
            if accepted is not None:
                with suppress(ConfigError):
                    return _load_for(path, digest, accepted), error
        raise


def _load_for(path: Path, digest: str, sources: Sources | None = None) -> Configuration:
    configuration = load(path, sources=sources)
    if fixed_digest(configuration) != digest:
        message = "changes settings that this process was not started with"
        remedy = "gslb upgrade, or restart gslb run where that is refused, or put the former values back"
        raise ConfigError(Problem(str(path), "", message, remedy))
    return configuration


def keep(configuration: Configuration) -> None:
    """Keep a configuration that is in force, to start with when its file has faults by then."""
    try:
        keep_accepted(configuration.run_folder, configuration.sources)
    except (OSError, ValueError) as error:
        log.warning("accepted configuration not kept", reason=str(error))


def report(event: str, error: ConfigError) -> None:
    """Log every problem of a configuration that is not used."""
    log.error(event, problems=[str(problem) for problem in error.problems])
