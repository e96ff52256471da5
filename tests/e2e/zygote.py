"""A process that has all SDKs imported, and makes a writer of itself for each that connects: ``zygote SOCKET``.

Each connection is one writer: it is told what to do in a line of JSON, and says ``lived`` when all is confirmed. Its
process id is that of whoever is at the other end of the socket (SO_PEERCRED would name the zygote), so it tells that.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import warnings

from providers.route53 import Route53
from tests.e2e.clouds import PROVIDERS
from tests.e2e.scenarios import SCENARIOS, publish


def preload() -> None:
    """Import what accounts import, and read the descriptions of APIs that the SDKs keep."""
    from providers.route53.client import Client  # noqa: PLC0415  imports the SDK

    Client(Route53(endpoint="http://127.0.0.1:1"), 1)._make().close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # as in providers.clouddns
        import providers.clouddns.account  # noqa: F401, PLC0415  likewise


def write(connection: socket.socket) -> None:
    """Be the writer that is asked for."""
    with connection, connection.makefile("rw") as told:
        print(os.getpid(), file=told, flush=True)
        case = json.loads(told.readline())
        provider = PROVIDERS[case["type"]].model_validate(case["table"])
        asyncio.run(publish(provider, case["server"], SCENARIOS[case["scenario"]], case["fence"]))
        print("lived", file=told, flush=True)


def main() -> None:
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(sys.argv[1])
        server.listen(16)
        while True:
            connection, _ = server.accept()
            if not os.fork():
                server.close()
                code = 1
                try:
                    write(connection)
                    code = 0
                finally:
                    os._exit(code)  # nothing of the zygote's is to be undone
            connection.close()


if __name__ == "__main__":
    main()
