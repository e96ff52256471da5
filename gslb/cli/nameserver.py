"""Entry of a nameserver process. Started by the supervisor; imports no more than it needs, to be back soon."""

import argparse
import os
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from gslb.cli.places import lock_file, worker_snapshot, worker_socket
from gslb.errors import GslbError
from gslb.supervisor.child import CANNOT_TAKE_OVER, TAKE_OVER
from gslb.supervisor.unhurried import unhurried
from gslb.telemetry.log import configure_log


def main() -> int:
    """Serve until told to stop; returns the exit code."""
    succeeds = bool(os.environ.pop(TAKE_OVER, ""))
    if succeeds:  # another one answers until this one does, and needs the processor more
        unhurried(lambda: import_module("gslb.nameserver.process"))
    return run(succeeds=succeeds)


def run(*, succeeds: bool) -> int:
    """The same; ``succeeds``: in place of the process that has the name now."""
    from gslb.model.address import parse_address
    from gslb.nameserver.limits import TcpLimits
    from gslb.nameserver.process import Options, serve, take_over
    from gslb.nameserver.succession import SuccessionError

    parser = argparse.ArgumentParser(prog="gslb-nameserver", description=__doc__)
    parser.add_argument("name", help="name of this worker")
    parser.add_argument("run_folder", type=Path)
    parser.add_argument("--listen", action="append", required=True, type=parse_address)
    parser.add_argument("--reuse-port", action="store_true", help="share the addresses with other workers")
    parser.add_argument("--geo", action="append", default=[], type=Path, help="a database of where clients are")
    parser.add_argument(
        "--passed", action="append", default=[], type=_descriptor, help="FD:INODE of a socket that is bound already"
    )
    for bound in fields(TcpLimits):
        kind = type(bound.default)
        parser.add_argument(f"--tcp-{bound.name.replace('_', '-')}", type=kind, default=bound.default)
    parser.add_argument("--plain", action="store_true", help="read packets one by one, as where there is no other way")
    parser.add_argument("--code", default="", help="which code this is; tells command lines apart")
    parser.add_argument("--log-format", choices=("human", "json"), default="human")
    parser.add_argument("--log-level", default="info")
    given = parser.parse_args()
    configure_log(given.log_format, given.log_level, given.name)
    options = Options(
        listen=tuple(given.listen),
        socket=worker_socket(given.run_folder, given.name),
        snapshot=worker_snapshot(given.run_folder, given.name),
        lock=lock_file(given.run_folder, given.name),
        command=tuple(sys.orig_argv),
        reuse_port=given.reuse_port,
        geo=tuple(given.geo),
        passed=tuple(given.passed),
        tcp=TcpLimits(given.tcp_connections, given.tcp_per_client, given.tcp_idle, given.tcp_queries),
        plain=given.plain,
    )
    try:
        return take_over(options) if succeeds else serve(options)
    except SuccessionError as error:
        print(error, file=sys.stderr)
        return CANNOT_TAKE_OVER
    except GslbError as error:
        print(error, file=sys.stderr)
        return 1


def _descriptor(text: str) -> int:
    """The inode only tells command lines apart: a worker with another socket is replaced, not adopted."""
    return int(text.partition(":")[0])


if __name__ == "__main__":
    sys.exit(main())
