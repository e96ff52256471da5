"""What may change while the daemon runs: at once, by processes that take the place of others, or not at all."""

import hashlib
from collections.abc import Iterable

from gslb.config.configuration import Configuration
from gslb.errors import ConfigError, Problem
from gslb.model.override import Override, all_out


def refuse_all_drained(old: Configuration, new: Configuration, overrides: Iterable[Override], now: float) -> None:
    """Refuse a reload after which a service would have no endpoint left that is not drained.

    Raises:
        ConfigError: naming each such service. One that was left so before, by force, is left alone.
    """
    orders = tuple(overrides)
    problems = []
    for name, service in new.topology.services.items():
        former = old.topology.services.get(name)
        was_so = former is not None and all_out(old.topology, former, orders, now)
        if all_out(new.topology, service, orders, now) and not was_so:
            key = f'services."{name.removesuffix(".")}".regions'
            targets = ", ".join(order.target for order in orders if order.out)
            remedy = f"gslb undrain {targets} first, or keep a region that is not drained"
            problems.append(Problem(str(new.path), key, "leaves the service with drained endpoints only", remedy))
    if problems:
        raise ConfigError(*problems)


def restart_keys(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Keys that differ of what processes were started with: these have to be replaced by others."""
    before, after = _fixed(old), _fixed(new)
    return tuple(key for key in before if before[key] != after[key])


def refuse_restart(old: Configuration, new: Configuration, keys: Iterable[str] = (), reason: str = "") -> None:
    """Refuse a reload that changes what cannot be changed while the daemon runs.

    Args:
        old: in force.
        new: to be.
        keys: of what can be, those that cannot be now.
        reason: why not.

    Raises:
        ConfigError: naming each such key.
    """
    refused = _LASTING.intersection(restart_keys(old, new)) | set(keys)
    message = "cannot be changed by a reload" + (f": {reason}" if reason else "")
    remedy = "restart gslb run, or put the former value back"
    problems = [Problem(str(new.path), key, message, remedy) for key in restart_keys(old, new) if key in refused]
    if problems:
        raise ConfigError(*problems)


def fixed_digest(configuration: Configuration) -> str:
    """Tells configurations apart that a control process cannot follow: another one takes its place between them."""
    return hashlib.sha256(repr(_fixed(configuration)).encode()).hexdigest()[:12]


_LASTING = frozenset({"node.state", "nameserver.user", "nameserver.group"})
"""where everything is, and who one is: for as long as the daemon runs"""


def _fixed(configuration: Configuration) -> dict[str, object]:
    node, nameserver = configuration.node, configuration.nameserver
    return {
        "node.name": node.name,
        "node.journal": node.journal,
        "node.state": configuration.database,
        "log": configuration.log,
        "api.listen": configuration.api.listen,
        "nameserver.listen": nameserver.listen,
        "nameserver.workers": nameserver.workers,
        "nameserver.batches": nameserver.batches,
        "nameserver.user": nameserver.user,
        "nameserver.group": nameserver.group,
        "nameserver.tcp": nameserver.tcp,
        "geo.databases": configuration.geo.databases,
    }
