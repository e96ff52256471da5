"""What `gslb plan` prints: a diff in colour, the same as Markdown for a review, and plain data for programs."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gslb.cli.decided import Decided, Source
from gslb.cli.record_diff import Line, diff
from gslb.cli.words import markdown, printable
from gslb.control.adopting import Adoption
from gslb.control.planning import Planned
from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, marker_name, read_marker
from gslb.model.zone_plan import Change
from providers.base import Lane

View = dict[str, Any]

WIDTH, INDENT = 80, "    "
SHOWN = 10
"""Services that are named where many have something in common."""
_STYLES = {"+": "green", "-": "red", "~": "yellow"}
_DECIDED = {
    Source.DAEMON: "as decided by the running daemon",
    Source.STORED: "as decided last, by a daemon that does not run now",
}


def plan_view(planned: Sequence[Planned], decided: Decided) -> View:
    """Plans as plain data; docs/providers.md has its shape.

    Args:
        planned: what would be written where.
        decided: what is to be answered, and whose word that is.
    """
    zones = [_zone_view(each) for each in planned]
    return {
        "decided_by": decided.source.value,
        "note": decided.note or None,
        "assumed": _plain_all(decided.assumed),
        "changed": _plain_all(decided.changed),
        "unknown": _plain_all(decided.unknown),
        "changes": sum(len(zone["changes"]) for zone in zones),
        "obstacles": sum(len(zone["obstacles"]) + len(zone["unsaid"]) + bool(zone["error"]) for zone in zones),
        "zones": zones,
    }


def _zone_view(planned: Planned) -> View:
    return {
        "provider": planned.provider,
        "zone": _plain(planned.zone),
        "error": {"message": planned.error.message, "remedy": planned.error.remedy} if planned.error else None,
        "record_sets": planned.read,
        "owned": planned.owned,
        "requests": planned.requests,
        "changes": [_change_view(lane, change) for lane, change in planned.changes],
        "obstacles": [
            {"service": _plain(name), "text": trouble.text, "remedy": trouble.remedy}
            for name, trouble in sorted(planned.troubles.items())
        ],
        "unsaid": [
            {"service": _plain(name), "type": fault.type, "feature": fault.feature, "text": fault.text}
            for name, faults in sorted(planned.unsaid.items())
            for fault in faults
        ],
    }


def _change_view(lane: Lane, change: Change) -> View:
    was, becomes = (any(map(read_marker, records)) for records in (change.removed, change.added))
    return {
        "service": _plain(change.service),
        "action": "change" if was and becomes else "add" if becomes else "remove",
        "urgency": lane.name.lower(),
        "marker": _plain(marker_name(change.service)),
        "removed": _record_views(change.removed),
        "added": _record_views(change.added),
        "kept": len(change.kept),
    }


def _record_views(records: Iterable[RecordSet]) -> list[View]:
    """All but markers, whose numbers are those of whoever will write them."""
    return [record_view(record) for record in records if read_marker(record) is None]


def record_view(record: RecordSet) -> View:
    """A record set as plain data; its routing is in the provider's own words."""
    return {
        "name": _plain(record.name),
        "type": record.type,
        "identifier": record.identifier or None,
        "ttl": record.ttl,
        "values": list(record.values),
        "routing": record.members or None,
    }


def _plain(name: str) -> str:
    return name.removesuffix(".")


def _plain_all(names: Iterable[ServiceName]) -> list[str]:
    return [_plain(name) for name in names]


def plan_report(view: View) -> RenderableType:
    """For people: what changes in each zone, and what does not although it should, in lines that fit 80 columns."""
    lines = [line for text in _basis(view) for line in folded(text)]
    for zone in view["zones"]:
        lines += [Text(), *_zone_lines(zone)]
    return Group(*lines)


def _basis(view: View) -> Iterator[str]:
    """Whose word it is what is to be answered."""
    if view["note"]:
        yield view["note"]
    if view["decided_by"] in _DECIDED:
        yield _DECIDED[view["decided_by"]]
    for why, names in (
        ("as if all endpoints were up, since nothing is decided yet", view["assumed"]),
        ("as if all endpoints were up, since the file has changed since the decision", view["changed"]),
        ("left out, since only a running daemon knows their addresses", view["unknown"]),
    ):
        if names:
            yield f"{why}: {_some(names)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _zone_lines(zone: View) -> Iterator[Text]:
    yield from folded(f"{zone['zone']} at {zone['provider']}: {_summary(zone)}", style="bold")
    if not zone["error"]:
        yield from folded(_held(zone), "  ", "dim")
    for change in zone["changes"]:
        yield from change_lines(change)
    yield from _obstacle_lines(zone)


def _obstacle_lines(zone: View) -> Iterator[Text]:
    for text, remedy in obstacles(zone):
        yield from folded(f"! {text}", "  ", "bold red")
        yield from folded(remedy, INDENT)


def change_lines(change: View) -> Iterator[Text]:
    """What is written for one service."""
    yield from folded(f"{change['service']}{_GONE if change['action'] == 'remove' else ''}", "  ")
    for line in _diff(change):
        yield from _shown(line, line.sign)


_GONE = " is published there no more"


def adoption_report(adoptions: Sequence[Adoption], then: Sequence[Planned]) -> RenderableType:
    """What is there of services, and, as ``then`` tells for each zone, what will be written for them."""
    lines: list[Text] = []
    for adoption, planned in zip(adoptions, then, strict=True):
        zone = _zone_view(planned)
        changes = {change["service"]: change for change in zone["changes"]}
        lines += folded(f"{zone['zone']} at {zone['provider']}", style="bold")
        for marking in adoption.changes:
            lines += folded(f"{_plain(marking.service)} has", "  ")
            lines += [each for line in diff((), _record_views(marking.kept)) for each in _shown(line, "")]
            if change := changes.get(_plain(marking.service)):
                lines += folded("written once it is ours", "  ")
                lines += [each for line in _diff(change) for each in _shown(line, line.sign)]
        lines += _obstacle_lines(zone)
    return Group(*lines)


def _shown(line: Line, sign: str) -> Iterator[Text]:
    return folded(f"{sign} {INDENT if line.below else ''}{line.text}".lstrip(), INDENT, _STYLES.get(sign, ""))


def _diff(change: View) -> Iterator[Line]:
    """The marker is told of where it comes or goes; else only its numbers change."""
    yield from diff(change["removed"], change["added"])
    if (sign := {"add": "+", "remove": "-"}.get(change["action"])) is not None:
        yield Line(sign, f"TXT {change['marker']}: marker")


def folded(text: str, indent: str = "", style: str = "") -> Iterator[Text]:
    """``text`` in lines that fit, all but the first indented by more. Words from outside are made printable."""
    lines = wrap(
        printable(text), WIDTH, initial_indent=indent, subsequent_indent=indent + INDENT, break_on_hyphens=False
    )
    yield from (Text(line, style) for line in lines)


def plan_markdown(view: View) -> str:
    """For a pull request: a section for each zone, with diffs that are coloured there."""
    lines = [line for text in _basis(view) for line in (markdown(text), "")]
    for zone in view["zones"]:
        head, held = f"### {markdown(zone['zone'])} at {markdown(zone['provider'])}", _held(zone)
        lines += [head, "", _summary(zone) if zone["error"] else f"{_summary(zone)}; it {held}", ""]
        for change in zone["changes"]:
            lines += [f"`{change['service']}`{_GONE if change['action'] == 'remove' else ''}", ""]
            lines += ["```diff", *map(_marked, _diff(change)), "```", ""]
        lines += [f"- **{markdown(text)}** {markdown(remedy)}".rstrip() for text, remedy in obstacles(zone)]
        lines += [""] if any(obstacles(zone)) else []
    return "\n".join(lines)


def _marked(line: Line) -> str:
    sign = "!" if line.sign == "~" else line.sign
    return f"{sign} {INDENT if line.below else ''}{printable(line.text)}"


def _summary(zone: View) -> str:
    if zone["error"]:
        return "cannot be planned"
    if not zone["changes"]:
        return "nothing to write"
    return f"{_count(len(zone['changes']), 'service')} to write in {_count(zone['requests'], 'request')}"


def _held(zone: View) -> str:
    return f"holds {_count(zone['record_sets'], 'record set')}, and {_count(zone['owned'], 'service')} of ours"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s'[: number != 1]}"


def obstacles(zone: View) -> Iterator[tuple[str, str]]:
    """What keeps something from being written, and what to do about it; the same of several services is told once."""
    if zone["error"]:
        yield zone["error"]["message"], zone["error"]["remedy"]
    found: dict[tuple[str, str], list[str]] = {}
    for each in zone["obstacles"]:
        found.setdefault((each["text"], each["remedy"]), []).append(each["service"])
    for each in zone["unsaid"]:
        text = f"{zone['provider']} cannot say {each['text']}; its {each['type']} answers stay as they are"
        found.setdefault((text, "gslb check names the ways out"), []).append(each["service"])
    yield from ((f"{_some(services)}: {text}", remedy) for (text, remedy), services in found.items())
