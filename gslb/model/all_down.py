"""What to answer for a record type when no endpoint that carries it is fit: ``when_all_down``.

all          every endpoint that was not drained by people, whatever its tier
last-good    what was answered when one was last fit, as far as it is still there; else all
fallback     the named region, whatever its health; where that has nothing to give, all
servfail     SERVFAIL, so that resolvers try another server or keep what they have
nodata       no such record; SERVFAIL where people drained everything, since that says nothing of what exists

The policy runs here as well, for whom each answer is for and for what a fence forbids: a client for whom nothing is
left is told SERVFAIL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from gslb.model.area import Area
from gslb.model.branch import Branch, Candidate, Reason, Verdict
from gslb.model.fitness import View
from gslb.model.groups import candidate, groups_of, members, run_policy
from gslb.model.names import RegionName
from gslb.model.steering import Group, NoAnswer, Pick, RecordType, Rule, Steering, Target
from gslb.model.topology import AllDown

STEP = "when_all_down"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided for one record type and the clients of one branch.

    Attributes:
        groups: those that answer.
        pick: how one of them is picked.
        reasons: what the steps said.
        good: a fit endpoint is behind it.
        no_answer: what is said where ``groups`` is empty, or to those from whom an answer is withheld.
        withheld: so many of 256 clients are not answered.
    """

    groups: tuple[Group, ...]
    pick: Pick
    reasons: tuple[Reason, ...]
    good: bool = False
    no_answer: NoAnswer = NoAnswer.SERVFAIL
    withheld: int = 0


Outcomes = Mapping[Area | None, Outcome]
"""By whom they are for."""


def without_any(view: View, kind: RecordType, last_good: Steering | None) -> Outcomes:
    """The outcomes for ``kind`` when nothing that carries it is fit."""
    tier = members(view, kind, lambda e: view.out_by(e) is None)
    way = _WAYS[view.service.when_all_down]
    return {branch.match: way(view, kind, branch, last_good) for branch in run_policy(view, kind, tier)}


def _all(view: View, kind: RecordType, branch: Branch, _: Steering | None = None) -> Outcome:
    groups = groups_of(view, kind, branch.candidates, branch.pick)
    text = f"no {kind} endpoint is fit: answering with " + ("all that are not drained" if groups else "SERVFAIL")
    return Outcome(groups, branch.pick, branch.reasons + _notes(view, groups, text))


def _last_good(view: View, kind: RecordType, branch: Branch, last_good: Steering | None) -> Outcome:
    rule = _former(last_good, branch)
    allowed = {found.region for found in branch.candidates}
    kept = tuple(
        replace(group, targets=targets)
        for group in (rule.groups if rule else ())
        if group.region in allowed
        and (targets := tuple(left for t in group.targets if t.type is kind and (left := _left(view, t)).endpoints))
    )
    if rule is None or not kept:
        return _all(view, kind, branch)
    text = f"no {kind} endpoint is fit: answering as when one last was"
    return Outcome(kept, rule.pick, branch.reasons + _notes(view, kept, text))


def _former(last_good: Steering | None, branch: Branch) -> Rule | None:
    """The rule by which these clients were answered, or all of whom nothing more was said."""
    if last_good is None:
        return None
    return next((rule for rule in last_good.rules if rule.match == branch.match), last_good.rules[-1])


def _left(view: View, target: Target) -> Target:
    """``target`` with those of its endpoints that still publish it and were not drained."""
    publishing = [
        e.name
        for e in view.endpoints
        if view.out_by(e) is None and target.value in map(str, view.standings[e.name].addresses)
    ]
    return replace(target, endpoints=tuple(name for name in target.endpoints if name in publishing))


def _fallback(view: View, kind: RecordType, branch: Branch, _: Steering | None) -> Outcome:
    found = _allowed_fallback(view, kind, branch)
    if found is None:
        return _all(view, kind, branch)
    groups = groups_of(view, kind, [found], branch.pick)
    text = f"no {kind} endpoint is fit: answering with the fallback"
    return Outcome(groups, branch.pick, branch.reasons + _notes(view, groups, text))


def _allowed_fallback(view: View, kind: RecordType, branch: Branch) -> Candidate | None:
    """The fallback, unless it has nothing to give, or the policy does not leave it to these clients."""
    region = view.regions[view.service.fallback or RegionName("")]
    found = candidate(view, region, 1, kind, lambda e: view.out_by(e) is None)
    if not found.endpoints:
        return None
    left = [after for after in run_policy(view, kind, (found,)) if after.match == branch.match]
    return next((candidate for after in left for candidate in after.candidates), None)


def _nothing(no_answer: NoAnswer) -> Callable[[View, RecordType, Branch, Steering | None], Outcome]:
    def outcome(view: View, kind: RecordType, branch: Branch, _: Steering | None) -> Outcome:
        carriers = [e for e in view.endpoints if kind in view.carried[e.name]]
        drained = all(view.out_by(e) is not None for e in carriers)
        given = NoAnswer.SERVFAIL if drained else no_answer
        notes = _notes(view, (), f"no {kind} endpoint is fit: answering {given}")
        return Outcome((), branch.pick, branch.reasons + notes, no_answer=given)

    return outcome


def _notes(view: View, groups: tuple[Group, ...], text: str) -> tuple[Reason, ...]:
    """The same line for every region that answers; for all regions of the service, as out, where none does."""
    if groups:
        return tuple(Reason(STEP, group.region, Verdict.IN, text) for group in groups)
    return tuple(Reason(STEP, member.region, Verdict.OUT, text) for member in view.service.members)


_WAYS: Mapping[AllDown, Callable[[View, RecordType, Branch, Steering | None], Outcome]] = {
    AllDown.ALL: _all,
    AllDown.LAST_GOOD: _last_good,
    AllDown.FALLBACK: _fallback,
    AllDown.SERVFAIL: _nothing(NoAnswer.SERVFAIL),
    AllDown.NODATA: _nothing(NoAnswer.NODATA),
}
