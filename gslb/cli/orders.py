"""The commands by which people order: drain, force, freeze, resume, and what lifts each of these."""

import getpass
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from gslb.cli import show
from gslb.cli.client import Daemon, find_daemon
from gslb.cli.options import ApiOption, ConfigOption, JsonOption, TokenOption, show_view
from gslb.errors import DaemonError, GslbError
from gslb.model.duration import parse_duration

POLL = 0.5
"""Seconds between two looks at a drain that is waited for."""
LOST = 60.0
"""Seconds for which a daemon may be away, to be restarted say, before waiting is given up."""
BAR = 16
"""Width of the bar while a drain is waited for, beside which its target and the time left must have room."""
NOT_DRAINED = 2
"""Exit code of a wait that did not end with 'drained'."""

AuthorOption = Annotated[str, typer.Option("--author", help="who orders it", default_factory=getpass.getuser)]
ReasonOption = Annotated[str, typer.Option(help="why, for the record")]
ForOption = Annotated[str, typer.Option("--for", help="lifted by itself after this time, as in 2h")]
ServiceOption = Annotated[str | None, typer.Option("--service", help="only for services of this name, or glob")]
ForceOption = Annotated[bool, typer.Option("--force", help="even past safety rules that allow that")]
ConfirmOption = Annotated[str | None, typer.Option("--confirm", metavar="TOKEN", help="the token a refusal has named")]
TargetArgument = Annotated[str, typer.Argument(metavar="REGION|ENDPOINT")]
AnyArgument = Annotated[str, typer.Argument(metavar="TARGET", help="region, endpoint or service, or a glob of them")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    for command in (drain, undrain, force, unforce, freeze, unfreeze, orders, resume):
        app.command()(command)


def drain(
    target: TargetArgument,
    reason: ReasonOption,
    author: AuthorOption,
    duration: Annotated[str | None, typer.Option("--for", help="lift it after this time, as in 2h")] = None,
    now: Annotated[bool, typer.Option("--now", help="do not wait until longer TTLs have passed")] = False,
    ramp: Annotated[str | None, typer.Option(help="move the share of a region away over this time, as in 5m")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="until it is drained; exit code 2 if it will not be")] = False,
    service: ServiceOption = None,
    past: ForceOption = False,
    confirm: ConfirmOption = None,
    api: ApiOption = None,
    token_file: TokenOption = None,
    config: ConfigOption = None,
) -> None:
    """Take a region or an endpoint out so that nobody notices, until `gslb undrain`.

    The TTL is lowered, the target leaves the answers once longer ones have passed, and it is drained when no resolver
    can hold an answer with it any more.
    """
    seconds = _seconds(ramp, "--ramp") if ramp else 0.0
    said: dict[str, Any] = {"reason": reason, "author": author, "duration": duration}
    said |= {"service": service, "confirm": confirm}
    order = {"target": target, "now": now, "ramp": f"{seconds:g}s", "force": past, **said}
    daemon = find_daemon(api, token_file, config)
    given = daemon.post("/v1/drains", order)
    _warn(given)
    if wait:
        _wait(daemon, given)
        return
    until = given["drain"]["done_at"]
    print(f"{target} is on its way out")
    print(f"probably drained at {show.moment(until)}" if until else "when it will be drained cannot be told yet")
    print(f"watch it with: gslb orders\nundo it with: gslb undrain {target}")


def undrain(
    target: TargetArgument,
    author: AuthorOption,
    service: ServiceOption = None,
    api: ApiOption = None,
    token_file: TokenOption = None,
    config: ConfigOption = None,
) -> None:
    """Lift a drain, or cancel one that is under way."""
    answer = find_daemon(api, token_file, config).delete(f"/v1/drains/{quote(target)}", **_query(author, service))
    _warn(answer)
    print(f"{target} may answer again")


class Forced(StrEnum):
    """What a target can be forced to be."""

    OUT = "out"
    UP = "up"
    WEIGHT = "weight"
    TTL = "ttl"


def force(
    kind: Annotated[Forced, typer.Argument(help="in no answer; healthy; of that weight; answered with that TTL")],
    target: AnyArgument,
    reason: ReasonOption,
    author: AuthorOption,
    duration: ForOption,
    value: Annotated[str | None, typer.Argument(help="weight of a region, 0 to 255, or TTL of a service")] = None,
    service: ServiceOption = None,
    past: ForceOption = False,
    confirm: ConfirmOption = None,
    api: ApiOption = None,
    token_file: TokenOption = None,
    config: ConfigOption = None,
) -> None:
    """Force a target to be what you say for a time, whatever probes say: `gslb force out istanbul --for 2h`."""
    said: dict[str, Any] = {"reason": reason, "author": author, "duration": duration}
    said |= {"service": service, "confirm": confirm}
    order = {"value": _value(kind, value), "force": past, **said}
    _give(find_daemon(api, token_file, config), kind, target, order)


def _value(kind: Forced, text: str | None) -> int | None:
    """The number that goes with it."""
    if text is None or kind in (Forced.OUT, Forced.UP):
        if (text is None) is (kind in (Forced.OUT, Forced.UP)):
            return None
        example = {Forced.WEIGHT: "gslb force weight istanbul 10", Forced.TTL: "gslb force ttl api.example.com 5s"}
        raise GslbError(f"{kind} takes no value" if text else f"{kind} needs a value, as in: {example[kind]}")
    number = _seconds(text, "TTL") if kind is Forced.TTL else _weight(text)
    if number != int(number):
        raise GslbError(f"TTL: {text} cannot be a TTL; write whole seconds")
    return int(number)


def _weight(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        raise GslbError(f"weight: {text!r} is no weight; write a whole number of 0 to 255") from None


def unforce(
    target: AnyArgument,
    author: AuthorOption,
    service: ServiceOption = None,
    api: ApiOption = None,
    token_file: TokenOption = None,
    config: ConfigOption = None,
) -> None:
    """Lift what was forced of exactly this target."""
    path = f"/v1/orders/{quote(target)}"
    answer = find_daemon(api, token_file, config).delete(path, **_query(author, service))
    _warn(answer)
    print(f"lifted: {', '.join(order['kind'] for order in answer['lifted'])} for {target}")


def freeze(
    reason: ReasonOption,
    author: AuthorOption,
    duration: ForOption,
    services: Annotated[str, typer.Argument(metavar="SERVICE", help="DNS name, or a glob of them")] = "*",
    api: ApiOption = None,
    token_file: TokenOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop all automatic changes of what services answer. Nobody fails over any more, until `gslb unfreeze`."""
    said = {"reason": reason, "author": author, "duration": duration}
    _give(find_daemon(api, token_file, config), "freeze", services, said)


def unfreeze(
    author: AuthorOption,
    services: Annotated[str, typer.Argument(metavar="SERVICE", help="as it was frozen")] = "*",
    api: ApiOption = None,
    token_file: TokenOption = None,
    config: ConfigOption = None,
) -> None:
    """Lift a freeze."""
    path = f"/v1/orders/{quote(services, safe='')}"
    _warn(find_daemon(api, token_file, config).delete(path, author=author, kind="freeze"))
    print(f"{services} follows health again")


def orders(as_json: JsonOption = False, api: ApiOption = None, config: ConfigOption = None) -> None:
    """Show all orders in force, and how far drains are."""
    show_view(find_daemon(api, None, config).get("/v1/orders")["orders"], show.orders, as_json=as_json)


def resume(
    name: Annotated[str, typer.Argument(help="DNS name of a service")],
    region: Annotated[str, typer.Argument(help="region that waits, or whose share was withdrawn")],
    reason: ReasonOption,
    author: AuthorOption,
    api: ApiOption = None,
    token_file: TokenOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a region answer that waits for it, or the share of a canary grow again that was withdrawn."""
    order = {"service": name, "region": region, "reason": reason, "author": author}
    find_daemon(api, token_file, config).post("/v1/ramps/resume", order)
    print(f"{region} may answer for {name} again")


def _give(daemon: Daemon, kind: str, target: str, said: Mapping[str, Any]) -> None:
    given = daemon.post("/v1/orders", {"kind": kind, "target": target, **said})
    value = "" if given["value"] is None else f" {given['value']}"
    print(f"{kind}{value} for {target} is in force until {show.moment(given['expires'])}")
    _warn(given)


def _warn(answer: Mapping[str, Any]) -> None:
    """Say so where what was ordered might not survive a crash."""
    if not answer.get("durable", True):
        print("warning: this could not be written to disk; it holds, but a crash may undo it", file=sys.stderr)


def _query(author: str, service: str | None) -> dict[str, str]:
    return {"author": author} | ({"service": service} if service else {})


def _seconds(text: str, name: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise GslbError(f"{name}: {error}") from None


def _wait(daemon: Daemon, order: dict[str, Any]) -> None:
    """Show how far a drain is until it is over. Ctrl-C ends the waiting and not the drain."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(BAR), TimeRemainingColumn())
    bar, blocked = Progress(*columns, console=show.console()), None
    with bar:
        task = bar.add_task(show.drain_step(order), total=None)
        while order["drain"]["phase"] != "drained":
            if order["drain"]["blocked"] not in (blocked, None):
                bar.console.print(f"held up: {escape(order['drain']['blocked'])}")
            blocked = order["drain"]["blocked"]
            time.sleep(POLL)
            found = _look(daemon, order)
            if found is None:
                bar.stop()
                print(f"the drain of {order['target']} was lifted before it was drained")
                raise typer.Exit(NOT_DRAINED)
            order = found
            done, total = _done(order)
            bar.update(task, description=show.drain_step(order), completed=done, total=total)
    print(f"{order['target']} is drained:\nno resolver that keeps to TTLs holds an answer with it")


def _look(daemon: Daemon, order: Mapping[str, Any]) -> dict[str, Any] | None:
    """The order as it is now; None if it is not in force any more."""
    deadline = time.monotonic() + LOST
    while True:
        try:
            found = daemon.get("/v1/orders")["orders"]
        except DaemonError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL)
            continue
        same = ("kind", "target", "service", "author", "reason", "automatic")
        return next((each for each in found if all(each[key] == order[key] for key in same)), None)


def _done(order: Mapping[str, Any]) -> tuple[float, float | None]:
    """Seconds since it began, and what it takes in all as far as that can be told."""
    began = datetime.fromisoformat(order["created"])
    done_at = order["drain"]["done_at"]
    passed = (datetime.now(UTC) - began).total_seconds()
    return passed, None if done_at is None else (datetime.fromisoformat(done_at) - began).total_seconds()
