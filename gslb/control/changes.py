"""What may change while the daemon runs, and what needs a restart."""

from gslb.config.configuration import Configuration
from gslb.errors import ConfigError, Problem


def refuse_restart(old: Configuration, new: Configuration) -> None:
    """Refuse a reload that changes what processes were started with.

    Raises:
        ConfigError: naming each such key.
    """
    fixed = (
        ("node.name", old.node.name, new.node.name),
        ("node.journal", old.node.journal, new.node.journal),
        ("log", old.log, new.log),
        ("node.state", old.database, new.database),
        ("api.listen", old.api.listen, new.api.listen),
        ("nameserver.listen", old.nameserver.listen, new.nameserver.listen),
        ("nameserver.workers", old.nameserver.workers, new.nameserver.workers),
    )
    problems = [
        Problem(str(new.path), key, "cannot be changed by a reload", "restart gslb run, or put the former value back")
        for key, before, after in fixed
        if before != after
    ]
    if problems:
        raise ConfigError(*problems)
