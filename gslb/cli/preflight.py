"""Everything that can be wrong before the first process is started, so that nothing is ever half-started."""

import os
import socket
from pathlib import Path

from prometheus_client import CollectorRegistry

from gslb.cli.places import API_SOCKET, CONTROL, SUPERVISOR, lock_file, worker_names
from gslb.config.configuration import Configuration
from gslb.errors import ListenError, StateError
from gslb.model.address import Address
from gslb.store.store import open_store
from gslb.supervisor.lockfile import AlreadyRunningError, read_holder

MAX_SOCKET_PATH = 107
"""sun_path holds 108 bytes with its final NUL (unix(7))"""


def check_start(configuration: Configuration) -> None:
    """Check that the daemon can start; makes the run folder.

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
    open_store(f"sqlite:///{configuration.database}", CollectorRegistry()).close()
    workers = worker_names(configuration.nameserver.workers)
    if not any(read_holder(lock_file(folder, worker)) for worker in workers):
        for address in configuration.nameserver.listen:
            _check_bind(address, socket.SOCK_DGRAM, "nameserver.listen")
            _check_bind(address, socket.SOCK_STREAM, "nameserver.listen")
    if not read_holder(lock_file(folder, CONTROL)):
        _check_bind(configuration.api.listen, socket.SOCK_STREAM, "api.listen")


def _check_folder(folder: Path) -> None:
    remedy = "choose another place for node.state"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        raise StateError(
            str(folder.parent), "the folder of node.state does not exist", f"make it, or {remedy}"
        ) from None
    except OSError as error:
        raise StateError(str(folder), f"cannot be made: {error.strerror}", remedy) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StateError(str(folder), "cannot be written", f"give it to this user, or {remedy}")
    longest = max((API_SOCKET, "nameserver-00.sock"), key=len)
    if len(os.fsencode(folder / longest)) > MAX_SOCKET_PATH:
        raise StateError(str(folder), f"a socket in it would have a name of over {MAX_SOCKET_PATH} bytes", remedy)


def _check_bind(address: Address, kind: socket.SocketKind, key: str) -> None:
    """Bind alone: workers share their addresses, and would share them with a stranger too."""
    family = socket.AF_INET6 if ":" in str(address.host) else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((str(address.host), address.port))
            if kind is socket.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            remedy = f"stop what listens there (ss -lunpt 'sport = {address.port}'), or change {key}"
            raise ListenError(str(address), key, error.strerror or str(error), remedy) from None
