"""Which user the daemon runs as: ``[nameserver] user``. How a process changes its user is in ``gslb.supervisor``."""

import os
import pwd
import sys
from collections.abc import Iterator
from pathlib import Path

from gslb.config.configuration import Configuration
from gslb.errors import ConfigError, Problem, StateError
from gslb.supervisor.privileges import CAP_NET_BIND_SERVICE, Account, become, find_account
from probes.icmp import Icmp

USER = "nameserver.user"
_PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")


def take_user(configuration: Configuration) -> bool:
    """Become the configured user, with the right to bind low ports and no other; whether anything has changed.

    A state folder that does not exist yet is made, and is that user's. One that exists is left as it is: what root
    gives away below a folder that another user can write to might be somebody else's.

    Raises:
        ConfigError: there is no such user, or only root could become it.
        StateError: the state folder cannot be made.
    """
    section = configuration.nameserver
    if section.user is None:
        return False
    try:
        account = find_account(section.user, section.group)
    except LookupError as error:
        remedy = f"useradd --system --no-create-home {section.user}, or name another one"
        raise _fault(configuration, str(error), remedy) from None
    if account.uid == os.geteuid():
        if section.group is not None and account.gid != os.getegid():
            message = f"is {section.group!r}, but gslb was started with another group, and may not take that"
            remedy = f"start it with that group (Group={section.group} of systemd), or remove group"
            raise _fault(configuration, message, remedy)
        return False
    if os.geteuid() != 0:
        message = f"is {section.user!r}, but gslb was started as {user_name()!r}, which may not become that"
        remedy = f"start it as root, or as {section.user} right away (User= of systemd, with AmbientCapabilities=)"
        raise _fault(configuration, message, remedy)
    _make_folder(configuration.database.parent, account)
    become(account, [CAP_NET_BIND_SERVICE])
    os.environ.update(HOME=account.home, USER=account.name, LOGNAME=account.name)
    if not os.access(sys.executable, os.X_OK):
        raise _fault(configuration, f"{section.user} may not execute {sys.executable}", "install gslb where it may")
    return True


def user_name() -> str:
    """Name of the user that this process runs as; its number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def user_warnings(configuration: Configuration) -> Iterator[Problem]:
    """What would not work on this machine without the rights of root."""
    section, path = configuration.nameserver, str(configuration.path)
    if section.user is None:
        return
    try:
        account = find_account(section.user, section.group)
    except LookupError as error:
        yield Problem(path, USER, str(error), "gslb run will refuse to start on it")
        return
    pinging = [name for name, setup in configuration.probes.items() if isinstance(setup.probe, Icmp)]
    if account.uid and pinging and not _may_ping(account):
        message = f"{section.user} may not ping, and so {', '.join(pinging)} would fail"
        remedy = f'sysctl net.ipv4.ping_group_range="{account.gid} {account.gid}" lets its group do so'
        yield Problem(path, USER, message, remedy)


def _may_ping(account: Account) -> bool:
    try:
        low, high = map(int, _PING_GROUPS.read_text().split())
    except (OSError, ValueError):
        return False
    return any(low <= group <= high for group in account.groups)


def _make_folder(folder: Path, account: Account) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    except OSError as error:
        remedy = f"make it: install -d -o {account.name} -m 700 {folder}"
        raise StateError(str(folder), f"cannot be made: {error.strerror}", remedy) from None
    os.chown(folder, account.uid, account.gid, follow_symlinks=False)


def _fault(configuration: Configuration, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem(str(configuration.path), USER, message, remedy))
