"""Renders what the daemon says for people: tables that fit 80 columns, colour only on a terminal."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.status import Status
from rich.table import Table
from rich.text import Text

from gslb.cli.show_providers import providers_lines
from gslb.model.duration import format_duration

_STYLE = {"up": "green", "down": "bold red", "draining": "yellow", "unknown": "dim"}
_RESULT = ("target", "probe", "from")
_WIDTH, _INDENT = 80, "    "
_MARK = {"up": "●", "down": "✗", "draining": "◐", "unknown": "?"}


def status(view: dict[str, Any]) -> RenderableType:
    """The whole state: a line about the daemon, then a table for each service."""
    head = f"[bold]{escape(view['node'])}[/]  gslb {view['version']}  configuration {view['configuration']['version']}"
    workers = ", ".join(_worker(worker, view["generation"]) for worker in view["nameservers"])
    lines: list[RenderableType] = [head, f"nameservers: {workers}"]
    if view["state"] != "ok":
        lines.append("[bold red]state cannot be written; going on from memory[/]")
    lines += [line for each in providers_lines(view["providers"]) for line in _folded(each)]
    lines += [_vantage(vantage) for vantage in view["vantages"] if vantage["state"] != "ok"]
    lines += [line for order in view["orders"] for line in _folded(order_line(order))]
    for service in view["services"]:
        lines += ["", _service_line(service), _endpoints(service)]
    return Group(*lines)


def _worker(worker: dict[str, Any], generation: int) -> str:
    if not worker["connected"]:
        return f"[red]{worker['name']} not reachable[/]"
    step = "[green]in step[/]" if worker["generation"] == generation else "[yellow]behind[/]"
    return f"{worker['name']} {step}"


def _vantage(vantage: dict[str, Any]) -> str:
    words = {"not heard of": "has not been heard of"}.get(vantage["state"], vantage["state"])
    return (
        f"[bold red]vantage point {escape(vantage['name'])} {words}[/] since {moment(vantage['since'])}: "
        f"{escape(vantage['reason'])}; its word does not count"
    )


def orders(view: list[dict[str, Any]]) -> RenderableType:
    """All orders in force, each in as many lines as it takes."""
    return Group(*(line for order in view for line in _folded(order_line(order)))) if view else "no orders are in force"


def _folded(line: str) -> Iterator[Text]:
    """``line`` in lines that fit, all but the first indented."""
    first, *rest = Text.from_markup(line).wrap(Console(width=_WIDTH), _WIDTH - len(_INDENT))
    yield first
    yield from (Text(_INDENT).append_text(each) for each in rest)


def order_line(order: dict[str, Any]) -> str:
    """One order: what, of whom, by whom and why, until when; of a drain how far it is."""
    if order["drain"]:
        head = drain_line(order)
    elif order["kind"] == "freeze":
        head = f"[bold white on red] FROZEN [/] {escape(order['target'])}: no automatic change"
    else:
        value = "" if order["value"] is None else f" {order['value']}"
        head = f"[yellow]forced {order['kind']}{value}:[/] {escape(order['target'])}"
    only = f" for {escape(order['service'])}" if order["service"] else ""
    until = f", until {moment(order['expires'])}" if order["expires"] else ""
    return f"{head}{only} by {escape(order['author'])}: {escape(order['reason'])}{until}"


_PHASE = {
    "lowering": "waiting until longer TTLs have passed",
    "moving": "moving its share away",
    "emptying": "in no answer; waiting until no resolver holds one",
    "drained": "drained",
}


def drain_line(order: dict[str, Any]) -> str:
    """How far a drain is."""
    drain = order["drain"]
    if drain["phase"] == "drained":
        return f"[green]drained:[/] {escape(order['target'])}"
    text = f"{drain['share']:.0%} left, " if drain["phase"] == "moving" else ""
    text += _PHASE[drain["phase"]]
    if drain["blocked"]:
        text = f"[bold red]held up:[/] {escape(drain['blocked'])}"
    elif drain["done_at"]:
        text += f", done at {moment(drain['done_at'])}"
    return f"[yellow]draining:[/] {escape(order['target'])} ({text})"


_STEP = {"lowering": "longer TTLs pass", "emptying": "resolvers forget it", "drained": "drained"}


def drain_step(order: dict[str, Any]) -> str:
    """How far a drain is, in a few words."""
    drain = order["drain"]
    words = f"{drain['share']:.0%} left" if drain["phase"] == "moving" else _STEP[drain["phase"]]
    return f"{escape(order['target'])}: {'[bold red]held up[/]' if drain['blocked'] else words}"


def _service_line(service: dict[str, Any]) -> str:
    if not service["decided"]:
        return f"[bold]{service['name']}[/]  [yellow]first round of probes under way[/]"
    trouble = "" if service["good"] else "  [bold red]no endpoint is fit[/]"
    if service["withheld"]:
        trouble += f"  [bold white on red] FROZEN [/] would answer {_shares(service['withheld'])}"
    elif service["frozen"]:
        trouble += "  [bold white on red] FROZEN [/]"
    return f"[bold]{service['name']}[/]  TTL {service['ttl']}s{trouble}"


def _endpoints(service: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("endpoint", "health", "for", "answers", "latency", "score"):
        table.add_column(column, no_wrap=column != "answers")
    for endpoint in service["endpoints"]:
        table.add_row(
            escape(endpoint["name"]),
            _health(endpoint["health"]),
            _age(endpoint["since"]),
            _share(service, endpoint),
            _milliseconds(endpoint["latency"]) if endpoint["latency"] is not None else "-",
            f"{endpoint['score']:.2f}",
        )
    return table


def _health(health: str) -> str:
    return f"[{_STYLE[health]}]{_MARK[health]} {health}[/]"


def _share(service: dict[str, Any], endpoint: dict[str, Any]) -> str:
    shares = [
        odds[address] for odds in service["answers"].values() for address in endpoint["addresses"] if address in odds
    ]
    if endpoint["answers"] and shares:
        return f"{max(shares):.0%}"
    return {None: "standby", "in_service": "standby"}.get(endpoint["fitness"], str(endpoint["fitness"]))


def explain(view: dict[str, Any]) -> RenderableType:
    """Who is in, who is out, why and since when: a table for each rule."""
    lines: list[RenderableType] = [f"{_service_line(view)}{_ttl_reason(view)}"]
    if view.get("asked", view["name"]) != view["name"]:
        lines.insert(0, f"{escape(view['asked'])} is answered by the wildcard {escape(view['name'])}")
    lines += [f"policy: {' -> '.join(view['policy'])}   hold: {format_duration(view['hold'])}"]
    if view["client"]:
        lines.append(f"client: {escape(_client(view['client']))}")
    if waiting := view.get("waiting_for"):
        lines.append(f"waiting for the first verdict on {', '.join(waiting)}")
    known = {endpoint["name"]: endpoint for endpoint in view["endpoints"]}
    for rule in view["rules"]:
        lines += ["", _rule_line(rule), *_odds(rule), _explained(rule, known)]
    if view.get("decide_again"):
        lines += ["", f"decides again at {moment(view['decide_again'])}, or when something changes"]
    return Group(*lines)


def _ttl_reason(view: dict[str, Any]) -> str:
    return f" ({escape(view['ttl_reason'])})" if view.get("ttl_reason") else ""


def _client(client: dict[str, Any]) -> str:
    places = [*reversed(client["subdivisions"]), client["country"]]
    places += [f"continent:{client['continent']}" if client["continent"] else "unknown location"]
    places += [f"AS{client['asn']}" if client["asn"] is not None else None]
    return f"{client['network']}, {', '.join(place for place in places if place)}"


def _rule_line(rule: dict[str, Any]) -> str:
    pick = "" if rule["pick"] == "weighted" else f", picked by {rule['pick']}"
    withheld = f", [yellow]{rule['withheld']:.1%} are told {rule['no_answer']}[/]" if rule["withheld"] else ""
    return f"[bold]{escape(rule['match'])}[/]{pick}{withheld}"


def _odds(rule: dict[str, Any]) -> Iterator[str]:
    for kind, odds in rule["answers"].items():
        shares = ", ".join(f"{address} {share:.0%}" for address, share in odds.items())
        yield f"  {kind}: {shares or rule['no_answer'].upper()}"


def _explained(rule: dict[str, Any], known: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    for options in ({"min_width": 3}, {"no_wrap": True}, {"ratio": 1}):
        table.add_column(**options)
    for word in rule["endpoints"]:
        endpoint = known[word["name"]]
        mark = "[green]in[/]" if word["share"] else "[red]out[/]"
        table.add_row(mark, f"[bold]{escape(word['name'])}[/]", _condition(word, endpoint))
        for said in word["said"] or [word["why"]]:
            table.add_row("", f"  [dim]{escape(said['step'])}[/]", escape(said["text"]))
        if endpoint["held_until"] and not word["share"]:
            table.add_row("", "", f"back at {moment(endpoint['held_until'])} if nothing fails until then")
    return table


def _condition(word: dict[str, Any], endpoint: dict[str, Any]) -> str:
    share = f"{word['share']:.0%}, " if word["share"] else ""
    since = f" since {moment(endpoint['since'])} ({_age(endpoint['since'])})" if endpoint["since"] else ""
    return f"{share}{_health(endpoint['health'])}{since}"


def results(found: list[dict[str, Any]]) -> RenderableType:
    """Probe results: each a line, and below it what else is known of it."""
    if not found:
        return "no result in time, or nothing that is probed"
    rows = [[result[key] for key in ("target", "probe", "vantage")] for result in found]
    widths = [max(map(len, column)) for column in zip(_RESULT, *rows, strict=True)]
    lines = [f"[dim]{_columns(_RESULT, widths)}  outcome[/]"]
    for row, result in zip(rows, found, strict=True):
        lines.append(f"{escape(_columns(row, widths))}  {_outcome(result)} {_milliseconds(result['latency'])}")
        below = [*wrap(result["detail"], _WIDTH - len(_INDENT), break_long_words=False), _phases(result)]
        lines += [f"[dim]{_INDENT}{escape(line)}[/]" for line in below if line]
    return Group(*lines)


def _columns(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))


def _phases(result: dict[str, Any]) -> str:
    phases = [(name, result[name.replace(" ", "_")]) for name in ("connect", "tls", "first byte")]
    return ", ".join(f"{name} {_milliseconds(seconds)}" for name, seconds in phases if seconds is not None)


def _outcome(seen: dict[str, Any]) -> str:
    return "[green]ok[/]" if seen["ok"] else f"[red]{seen['cause']}[/]"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def history(records: Iterable[dict[str, Any]]) -> RenderableType:
    """What happened, oldest first: evidence, then the transition, the decision, and the answer."""
    return Group(*(Text.from_markup(line) for record in records for line in _history_lines(record)))


def _history_lines(record: dict[str, Any]) -> Iterator[str]:
    at = f"[dim]{moment(record['at'])}[/]"
    match record["kind"]:
        case "transition":
            for evidence in record["evidence"][-5:]:
                yield f"[dim]{moment(evidence['at'])}[/]   probe      {_evidence(evidence)}"
            change = f"{_health(record['before'])} -> {_health(record['after'])}"
            yield f"{at} transition {escape(record['endpoint'])} {change}"
        case "decision":
            yield f"{at} decision   [bold]{record['service']}[/] {_shares(record['after'])} TTL {record['ttl']}s"
            yield f"{' ' * 24}  because {escape(record['trigger'])}; before: {_shares(record['before'] or {})}"
        case "publication":
            services, seconds = ", ".join(record["services"]), record["seconds"]
            took = _milliseconds(seconds) if seconds < 1 else _rounded(seconds)  # API providers take a minute
            yield f"{at} published  {services} by {escape(record['provider'])} after {took}"
        case "doubt":
            words = f"doubts itself: {escape(record['reason'])}" if record["reason"] else "trusts itself again"
            yield f"{at} doubt      vantage point {escape(record['vantage'])} {words}"
        case "order":
            value = "" if record["value"] is None else f" {record['value']}"
            who = f"{escape(record['target'])} by {escape(record['author'])}"
            forced = f" [red](forced past {', '.join(record['forced'])})[/]" if record["forced"] else ""
            yield f"{at} order      {record['action']}{value} {who}: {escape(record['reason'])}{forced}"
        case _:
            yield f"{at} {_after(record)}"


def _after(record: dict[str, Any]) -> str:
    """What follows from a decision, in a line."""
    match record["kind"]:
        case "answer":
            return f"answer     {record['service']} by {record['nameserver']}, for the first time so"
        case "exposure":
            return f"exposure   no resolver holds {record['service']} with {escape(record['endpoint'])} any more"
        case "recovery":
            predicted = "" if record["predicted"] is None else f", predicted {_rounded(record['predicted'])}"
            return f"recovery   {record['service']} after {_rounded(record['achieved'])}{predicted}"
        case "escalation":
            what = f"{escape(record['escalation'])}, {escape(record['stage'])} for {record['region']}"
            return f"escalation {what}: {record['outcome']} {escape(record['detail'])}"
        case "provider":
            style = "green" if record["over"] else "red"
            where = f"{record['provider']}/{record['zone']}"
            return f"provider   {escape(where)} [{style}]{escape(record['text'])}[/]"
    return str(record["kind"])


def _evidence(evidence: dict[str, Any]) -> str:
    detail = f" {escape(evidence['detail'])}" if evidence["detail"] else ""
    return f"{evidence['probe']} {evidence['target']} {_outcome(evidence)}{detail} {_milliseconds(evidence['latency'])}"


def _shares(answers: dict[str, dict[str, float]]) -> str:
    shares = [f"{address} {share:.0%}" for odds in answers.values() for address, share in odds.items()]
    return ", ".join(shares) or "nothing"


def moment(text: str) -> str:
    """Local wall time to the millisecond; with the date where it is not today's."""
    moment = datetime.fromisoformat(text).astimezone()
    form = "%H:%M:%S" if moment.date() == datetime.now(UTC).astimezone().date() else "%Y-%m-%d %H:%M:%S"
    return f"{moment.strftime(form)}.{moment.microsecond // 1000:03d}"


def _rounded(seconds: float) -> str:
    return format_duration(round(seconds, 3))


def _age(text: str | None) -> str:
    if text is None:
        return "-"
    seconds = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds())
    return format_duration(float(int(seconds)))


def waiting(text: str) -> Status:
    """Says what is waited for while it lasts, on standard error, if that is a terminal."""
    return Console(stderr=True, highlight=False).status(escape(text))


def console() -> Console:
    """Standard output; rich honours NO_COLOR and leaves colour away where it is no terminal."""
    return Console(highlight=False, soft_wrap=True)
