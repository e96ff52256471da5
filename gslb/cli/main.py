"""The commands. Each finds its inputs, calls one part of gslb, and prints what comes of it.

A command imports what it runs when it runs: `gslb status` needs neither a resolver nor a database.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

import gslb
from gslb.cli import adopt, orders, plan, show
from gslb.cli.client import find_daemon
from gslb.cli.demo.commands import app as demo
from gslb.cli.options import ApiOption, ConfigArgument, ConfigOption, JsonOption, TokenOption, show_view
from gslb.cli.timeline import app as timeline
from gslb.errors import GslbError
from gslb.model.duration import parse_duration

app = typer.Typer(
    name="gslb",
    help="Multi-region GSLB and DNS failover controller.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(demo, name="demo")

app.add_typer(timeline, name="timeline")
orders.register(app)
plan.register(app)
adopt.register(app)


def main() -> None:
    """Run the command line; errors that a person can mend end in exit code 1."""
    try:
        app()
    except GslbError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


@app.command()
def run(config: ConfigArgument) -> None:
    """Run the daemon. SIGHUP or `gslb reload` reloads its configuration, SIGUSR2 or `gslb upgrade` its code too."""
    from gslb.cli.run import run as start

    start(config)


@app.command()
def upgrade(config: ConfigArgument) -> None:
    """Have the running daemon go on with the code and the configuration that are there now, without losing a query."""
    from gslb.cli.upgrade import upgrade as follow

    follow(config)


@app.command()
def check(config: ConfigArgument) -> None:
    """Validate a configuration; show its defaults and its recovery times."""
    from gslb.cli.check import report
    from gslb.config.load import load

    show.console().print(report(load(config)))


@app.command()
def status(
    as_json: JsonOption = False,
    api: ApiOption = None,
    config: ConfigOption = None,
) -> None:
    """Show regions, endpoints and what each service answers."""
    show_view(find_daemon(api, None, config).get("/v1/status"), show.status, as_json=as_json)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="DNS name of a service")],
    client: Annotated[str | None, typer.Option(help="address or network that asks; default: every rule")] = None,
    as_json: JsonOption = False,
    api: ApiOption = None,
    config: ConfigOption = None,
) -> None:
    """Say who is in and who is out of the answers for NAME, why, and since when."""
    asked = {"name": name} if client is None else {"name": name, "client": client}
    show_view(find_daemon(api, None, config).get("/v1/explain", **asked), show.explain, as_json=as_json)


@app.command()
def history(
    since: Annotated[str, typer.Option(help="how far back, as in 10m or 2h")] = "1h",
    limit: Annotated[int, typer.Option(min=1, max=5_000, help="most records, the newest ones")] = 1000,
    as_json: JsonOption = False,
    api: ApiOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what happened: probe evidence, transitions, decisions, and when answers changed."""
    try:
        parse_duration(since)
    except ValueError as error:
        raise GslbError(f"--since: {error}") from None
    records = find_daemon(api, None, config).get("/v1/history", since=since, limit=str(limit))["history"]
    show_view(records, show.history, as_json=as_json)


@app.command()
def probe(
    target: Annotated[str, typer.Argument(metavar="REGION|ENDPOINT")],
    as_json: JsonOption = False,
    api: ApiOption = None,
    token_file: TokenOption = None,
    config: ConfigOption = None,
) -> None:
    """Probe a region or an endpoint at once, and show what was seen."""
    results = find_daemon(api, token_file, config).post("/v1/probes", {"target": target})["results"]
    show_view(results, show.results, as_json=as_json)


@app.command()
def reload(api: ApiOption = None, token_file: TokenOption = None, config: ConfigOption = None) -> None:
    """Make the daemon read its configuration again; a file with faults changes nothing."""
    answer = find_daemon(api, token_file, config).post("/v1/reload", {})
    if keys := answer.get("replacing"):
        print(f"configuration {answer['configuration']} is accepted; processes are replaced for {', '.join(keys)}")
    else:
        print(f"configuration {answer['configuration']} is in force")


@app.command()
def geo(
    address: Annotated[str, typer.Argument(metavar="IP", help="address of a client, or its network")],
    as_json: JsonOption = False,
    api: ApiOption = None,
    config: Annotated[Path | None, typer.Option("--config", help="a file; default: that of the daemon")] = None,
) -> None:
    """Say where a client is, by which database, and which areas and rules it falls into."""
    from gslb.cli.geo import geo_report, geo_view
    from gslb.config.load import load

    path = config or Path(find_daemon(api, None, None).get("/v1/status")["configuration"]["path"])
    show_view(geo_view(load(path), address), geo_report, as_json=as_json)


@app.command()
def gateway(
    config: ConfigArgument,
    region: Annotated[str, typer.Option(help="region to run the gateway of")],
) -> None:
    """Run the regional gateway. SIGTERM drains it."""
    from gslb.cli.gateway import run_region

    run_region(config, region)


@app.command()
def version() -> None:
    """Print the version."""
    print(f"gslb {gslb.__version__}")
