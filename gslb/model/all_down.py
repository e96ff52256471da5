"""What to answer for a record type when no endpoint that carries it is fit: ``when_all_down``.

all          every endpoint that was not drained by people, whatever its tier
last-good    what was answered when one was last fit, as far as it is still there; else all
fallback     the named region, whatever its health; where that has nothing to give, all
servfail     SERVFAIL, so that resolvers try another server or keep what they have
nodata       no such record; SERVFAIL where people drained everything, since that says nothing of what exists
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gslb.model.branch import Reason, Verdict
from gslb.model.fitness import View, carries
from gslb.model.groups import candidate, groups_of, run_policy
from gslb.model.names import RegionName
from gslb.model.steering import Group, NoAnswer, RecordType, Steering, Target
from gslb.model.topology import AllDown

STEP = "when_all_down"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided for one record type.

    Attributes:
        groups: those that answer.
        reasons: what the steps said.
        good: a fit endpoint is behind it.
        no_answer: what is said where ``groups`` is empty.
    """

    groups: tuple[Group, ...]
    reasons: tuple[Reason, ...]
    good: bool = False
    no_answer: NoAnswer = NoAnswer.SERVFAIL


def without_any(view: View, kind: RecordType, last_good: Steering | None) -> Outcome:
    """The outcome for ``kind`` when nothing that carries it is fit."""
    return _WAYS[view.service.when_all_down](view, kind, last_good)


def _all(view: View, kind: RecordType, _: Steering | None = None) -> Outcome:
    groups, reasons = run_policy(view, kind, lambda e: view.drained_by(e) is None, every_tier=True)
    text = f"no {kind} endpoint is fit: answering with all that are not drained"
    return Outcome(groups, reasons + _notes(view, groups, text))


def _last_good(view: View, kind: RecordType, last_good: Steering | None) -> Outcome:
    kept = tuple(
        replace(group, targets=targets)
        for group in (last_good.rules[-1].groups if last_good else ())
        if (targets := tuple(left for t in group.targets if t.type is kind and (left := _left(view, t)).endpoints))
    )
    if not kept:
        return _all(view, kind)
    return Outcome(kept, _notes(view, kept, f"no {kind} endpoint is fit: answering as when one last was"))


def _left(view: View, target: Target) -> Target:
    """``target`` with those of its endpoints that still publish it and were not drained."""
    publishing = [
        e.name
        for e in view.endpoints
        if view.drained_by(e) is None and target.value in map(str, view.standings[e.name].addresses)
    ]
    return replace(target, endpoints=tuple(name for name in target.endpoints if name in publishing))


def _fallback(view: View, kind: RecordType, _: Steering | None) -> Outcome:
    region = view.regions[view.service.fallback or RegionName("")]
    found = candidate(view, region, 1, kind, lambda e: view.drained_by(e) is None)
    if not found.endpoints:
        return _all(view, kind)
    groups = groups_of(view, kind, [found])
    return Outcome(groups, _notes(view, groups, f"no {kind} endpoint is fit: answering with the fallback"))


def _nothing(no_answer: NoAnswer) -> Callable[[View, RecordType, Steering | None], Outcome]:
    def outcome(view: View, kind: RecordType, _: Steering | None) -> Outcome:
        carriers = [e for e in view.endpoints if carries(view.standings[e.name], kind)]
        drained = all(view.drained_by(e) is not None for e in carriers)
        given = NoAnswer.SERVFAIL if drained else no_answer
        return Outcome((), _notes(view, (), f"no {kind} endpoint is fit: answering {given}"), no_answer=given)

    return outcome


def _notes(view: View, groups: tuple[Group, ...], text: str) -> tuple[Reason, ...]:
    """The same line for every region that answers; for all regions of the service, as out, where none does."""
    if groups:
        return tuple(Reason(STEP, group.region, Verdict.IN, text) for group in groups)
    return tuple(Reason(STEP, member.region, Verdict.OUT, text) for member in view.service.members)


_WAYS: Mapping[AllDown, Callable[[View, RecordType, Steering | None], Outcome]] = {
    AllDown.ALL: _all,
    AllDown.LAST_GOOD: _last_good,
    AllDown.FALLBACK: _fallback,
    AllDown.SERVFAIL: _nothing(NoAnswer.SERVFAIL),
    AllDown.NODATA: _nothing(NoAnswer.NODATA),
}
