"""Everything that can be wrong before the first process is started, so that nothing is ever half-started."""

import errno
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

from prometheus_client import CollectorRegistry

from gslb.api.auth import read_token
from gslb.cli.activation import Passed, missing
from gslb.cli.places import API_SOCKET, CONTROL, SUPERVISOR, TOKEN, lock_file, worker_names
from gslb.cli.privileges import user_name
from gslb.config.configuration import Configuration
from gslb.errors import ListenError, StateError
from gslb.model.address import Address, parse_address
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
    held = any(read_holder(lock_file(folder, worker)) for worker in workers)
    addresses = () if held else tuple(missing(configuration.nameserver.listen, passed))
    _check_addresses(addresses, None if read_holder(lock_file(folder, CONTROL)) else configuration.api.listen)


def check_renewal(configuration: Configuration, passed: Sequence[Passed] = ()) -> None:
    """Check that the running daemon can go on with this configuration. What its processes have bound they pass on.

    Raises:
        StateError: the run folder cannot be used.
        ListenError: an address is taken.
    """
    folder = configuration.run_folder
    _check_folder(folder)
    read_token(folder / TOKEN)
    bound = _bound(folder)
    addresses = [
        (address, kind)
        for address, kind in missing(configuration.nameserver.listen, passed)
        if not any(_concern(address, ours) for ours in bound)
    ]
    api = configuration.api.listen
    _check_addresses(addresses, None if _is_api(folder, api) else api)


def _bound(folder: Path) -> set[Address]:
    """What living workers listen on: that stands on their command lines."""
    holders = filter(None, (read_holder(path) for path in folder.glob("nameserver-*.lock")))
    words = (word for holder in holders for word in holder.command if word.startswith(_LISTEN))
    return {parse_address(word.removeprefix(_LISTEN)) for word in words}


def _concern(address: Address, ours: Address) -> bool:
    """Whether it is this one, or can stand beside it only since both are ours: a wildcard, and an address below it."""
    if address.port != ours.port or family_of(address) != family_of(ours):
        return False
    return address == ours or any(ip_address(str(it.host)).is_unspecified for it in (address, ours))


def _is_api(folder: Path, address: Address) -> bool:
    """Whether that is what the living control listens on."""
    holder = read_holder(lock_file(folder, CONTROL))
    return holder is not None and holder.command[-1] == str(address)


def _check_addresses(nameserver: Iterable[tuple[Address, socket.SocketKind]], api: Address | None) -> None:
    with ExitStack() as bound:  # all together: they could be in the way of each other
        for address, kind in nameserver:
            open_ = open_udp if kind is socket.SOCK_DGRAM else open_tcp
            bound.enter_context(_bind(address, open_, "nameserver.listen"))
        if api is not None:
            bound.enter_context(_bind(api, open_tcp, "api.listen"))


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


_LISTEN = "--listen="


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
