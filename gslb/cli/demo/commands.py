"""gslb demo and its sub-commands."""

import asyncio
import json
import socket
from typing import Annotated

import typer

from gslb.cli.demo.folder import SOCKET, demo_folder, found_demo_folder
from gslb.errors import DaemonError

app = typer.Typer(help="Run Istanbul and Ankara on loopback; break and heal them.")

RegionArgument = Annotated[str, typer.Argument(help="istanbul or ankara")]
TIMEOUT = 30.0


@app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    with_clouds: Annotated[
        bool, typer.Option("--with-clouds", help="publish at stand-ins for Route 53 and Cloud DNS too (checkout only)")
    ] = False,
) -> None:
    """Run the demo until Ctrl-C, or break and heal a running one."""
    if context.invoked_subcommand is None:
        from gslb.cli.demo.stage import run_demo

        asyncio.run(run_demo(with_clouds=with_clouds))


@app.command()
def kill(region: RegionArgument) -> None:
    """Kill -9 the gateway of a region."""
    _ask("kill", region)


@app.command()
def blackhole(region: RegionArgument) -> None:
    """Drop all packets to the gateway of a region (root)."""
    _ask("blackhole", region)


@app.command()
def restart(region: RegionArgument) -> None:
    """Restart the gateway of a region as an update does: by SIGTERM, after which it serves on for a while."""
    _ask("restart", region)


@app.command()
def heal(region: RegionArgument) -> None:
    """Undo kill and blackhole."""
    _ask("heal", region)


def _ask(action: str, region: str) -> None:
    """Have the running demo do it.

    Raises:
        DaemonError: none runs, or it refused.
    """
    path = demo_folder() / SOCKET
    if found_demo_folder() is None:
        raise DaemonError(f"no running demo at {path}", "start it with gslb demo")
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(path))
            connection.sendall(json.dumps({"action": action, "region": region}).encode() + b"\n")
            answer = json.loads(connection.makefile().readline())
    except (OSError, ValueError) as error:
        raise DaemonError(f"no running demo at {path}: {error}", "start it with gslb demo") from None
    if not answer["ok"]:
        raise DaemonError(answer["text"])
    print(answer["text"])
