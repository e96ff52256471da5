"""Everything that can be wrong before the first process is started, so that nothing is ever half-started."""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from prometheus_client import CollectorRegistry

from gslb.api.auth import read_token
from gslb.cli.activation import Passed, missing
from gslb.cli.places import API_SOCKET, CONTROL, SUPERVISOR, TOKEN, lock_file, worker_names
from gslb.cli.privileges import user_name
from gslb.config.configuration import Configuration
from gslb.errors import ListenError, StateError
from gslb.model.address import Address
from gslb.nameserver.listen import MAX_SOCKET_PATH, family_of
from gslb.nameserver.tcp import open_tcp
from gslb.nameserver.udp import open_udp
from gslb.store.store import open_store
from gslb.supervisor.lockfile import AlreadyRunningError, read_holder


def check_start(configuration: Configuration, passed: Sequence[Passed] = ()) -> None:
    """Check that the daemon can start; makes the run folder. What was ``passed`` is not bound once more.

    Raises:
        AlreadyRunningError: it runs already.
        StateError: state or run folder cannot be used.
        ListenError: an address is taken.
    """
    folder = configuration.run_folder
    _check_folder(folder)
    holder = read_holder(lock_file(folder, SUPERVISOR))
    if holder is not None:
        raise AlreadyRunningError(lock_file(folder, SUPERVISOR), holder.pid, holder.command)
    open_store(configuration.database, CollectorRegistry()).close()
    read_token(folder / TOKEN)
    workers = worker_names(configuration.nameserver.workers)
    with ExitStack() as bound:  # all together: they could be in the way of each other
        if not any(read_holder(lock_file(folder, worker)) for worker in workers):
            for address, kind in missing(configuration.nameserver.listen, passed):
                open_ = open_udp if kind is socket.SOCK_DGRAM else open_tcp
                bound.enter_context(_bind(address, open_, "nameserver.listen"))
        if not read_holder(lock_file(folder, CONTROL)):
            bound.enter_context(_bind(configuration.api.listen, open_tcp, "api.listen"))


def _check_folder(folder: Path) -> None:
    remedy = "choose another place for node.state"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat()
    except FileNotFoundError:
        reason = "the folder of node.state does not exist"
        raise StateError(str(folder.parent), reason, f"make it, or {remedy}") from None
    except OSError as error:
        if isinstance(error, PermissionError):
            remedy = f"give its folder to this user (chown {user_name()} {folder.parent}), or {remedy}"
        raise StateError(str(folder), f"cannot be made: {error.strerror}", remedy) from None
    if found.st_uid != os.geteuid():
        give = f"give it to {user_name()} (chown -R {user_name()} {folder})"
        raise StateError(str(folder), "belongs to another user", f"run gslb as that user, {give}, or {remedy}")
    folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StateError(str(folder), "cannot be written", f"make room for writing, or {remedy}")
    longest = max((API_SOCKET, "nameserver-00.sock"), key=len)
    if len(os.fsencode(folder / longest)) > MAX_SOCKET_PATH:
        raise StateError(str(folder), f"a socket in it would have a name of over {MAX_SOCKET_PATH} bytes", remedy)


def _bind(address: Address, open_: Callable[..., socket.socket], key: str) -> socket.socket:
    """Bind alone: workers share their addresses, and would share them with a stranger too."""
    try:
        return open_(family_of(address), str(address.host), address.port, reuse_port=False)
    except OSError as error:
        usual = f"stop what listens there (ss -lunpt 'sport = {address.port}'), or change {key}"
        remedy = _REMEDIES.get(error.errno or 0, usual)
        raise ListenError(str(address), key, error.strerror or str(error), remedy) from None


_REMEDIES = {
    errno.EACCES: "ports below 1024 need root (see nameserver.user), CAP_NET_BIND_SERVICE, or sockets of systemd",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address; ip addr lists those there are",
}
