"""From results to votes: what each vantage point says of each check, and which of them count.

A vote is the state of a check as far as it is believed. Failures that somebody has told (a refusal, a status) count as
they come. Silence that would take a check down waits until its vantage point has heard enough from others, in the midst
of it and since; if it turns out that hardly anybody is heard, it doubts itself: the silence is forgotten and its votes
do not count.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from gslb.control.health import CheckState
from gslb.control.vantage import Vantage
from gslb.model.doubt import ENDPOINTS, FEW, silent
from gslb.model.names import ProbeName, RegionName, VantageName
from gslb.model.observation import REFERENCE, Cause, CheckKey, ProbeResult
from gslb.model.pacing import Pace, expires_after
from gslb.model.step import Condition, ProbeState, forgive

REVIEW = 0.01
"""Seconds between two reviews of a vantage point at least, and between two looks for witnesses."""
SHARE = 30e-6
"""Seconds between them for each check, which is ten times what one takes: thousands must not hold up the probes."""
SWEEP = 1.0
"""Seconds between two looks for votes that have expired."""

Keys = Iterable[CheckKey]


@dataclass(frozen=True, slots=True)
class Electorate:
    """Who votes on what.

    Attributes:
        keys: all checks.
        paces: timing of each probe.
        regions: the region of each target.
        references: reference targets of each vantage point; all vantage points are here.
    """

    keys: tuple[CheckKey, ...] = ()
    paces: Mapping[ProbeName, Pace] = field(default_factory=dict)
    regions: Mapping[str, RegionName] = field(default_factory=dict)
    references: Mapping[VantageName, tuple[str, ...]] = field(default_factory=dict)


class Votes:
    """The votes of all vantage points.

    Args:
        hurry: has checks attempted at once.
        doubted: told when a vantage point begins to doubt itself, or stops.
    """

    def __init__(self, hurry: Callable[[Keys], object], doubted: Callable[[Vantage], object]) -> None:
        self._hurry, self._doubted = hurry, doubted
        self.checks: dict[CheckKey, CheckState] = {}
        self.vantages: dict[VantageName, Vantage] = {}
        self._by_vantage: dict[VantageName, list[CheckKey]] = {}
        self._electorate = Electorate()
        self._expired: set[CheckKey] = set()
        self._counted: dict[tuple[ProbeName, str], tuple[CheckKey, ...]] = {}
        self._swept = float("-inf")

    def configure(self, electorate: Electorate, now: float) -> None:
        """Count these votes from now on. Checks that stay keep their state."""
        self._electorate = electorate
        self.checks = {key: self.checks.get(key) or CheckState() for key in electorate.keys}
        self._expired &= self.checks.keys()
        self._counted = {of: kept for of, keys in self._counted.items() if (kept := self._still(keys))}
        self._by_vantage = {name: [] for name in electorate.references}
        for key, check in self.checks.items():
            self._by_vantage[key.vantage].append(key)
            check.heard_at = max(check.heard_at, now)
        self.vantages = {name: self.vantages.get(name) or Vantage(name) for name in electorate.references}
        for name, vantage in self.vantages.items():
            vantage.configure(electorate.regions, electorate.references[name])
            for key in vantage.silences.keys() - self.checks.keys():
                vantage.forget(key)

    def counts(self, key: CheckKey) -> bool:
        """Whether the vote on a check counts: its vantage point believes itself, and has been heard of lately."""
        return self.vantages[key.vantage].doubt is None and key not in self._expired

    def live(self, keys: Iterable[CheckKey]) -> list[CheckKey]:
        """Those of ``keys`` whose votes count; of a probe whose votes are all gone, those that counted last.

        What a probe was last known to say stays: an endpoint does not come up because nobody looks at it any more.
        """
        by_probe: dict[tuple[ProbeName, str], list[CheckKey]] = {}
        for key in keys:
            by_probe.setdefault((key.probe, key.target), []).append(key)
        found: list[CheckKey] = []
        for of, every in by_probe.items():
            counting = tuple(key for key in every if self.counts(key)) or self._counted.get(of, tuple(every))
            if len(counting) < len(every):
                self._counted[of] = counting
            else:
                self._counted.pop(of, None)
            found += counting
        return found

    def take_reference(self, result: ProbeResult, now: float) -> tuple[ProbeState | None, Keys]:
        """Account for a result of a reference target; returns its state, and whose votes that may have changed."""
        vantage = self.vantages.get(result.key.vantage)
        if vantage is None:
            return None, ()
        state = vantage.hear_reference(result)
        return state, self._review(vantage, now)

    def take(self, result: ProbeResult, now: float) -> Keys:
        """Account for a result of one of the checks; returns whose votes it may have changed."""
        key, observation = result.key, result.observation
        check, vantage = self.checks[key], self.vantages[key.vantage]
        vantage.hear(key.target, observation, result.at)
        if observation.cause is not Cause.LOCAL:
            check.heard_at = now
        before, level, told = check.vote, check.level, check.recent[-1].observation.cause if check.recent else None
        if vantage.ignores(result):
            check.recent.append(result)
        else:
            self._count(vantage, check, result)
        changed: list[CheckKey] = []
        if key in self._expired and observation.cause is not Cause.LOCAL:
            self._expired.discard(key)
            changed.append(key)
        elif check.vote is not before or check.level != level or observation.cause is not told:
            changed.append(key)
        if vantage.waiting or vantage.doubt is not None:
            changed += self._review(vantage, now)
        return changed

    def review(self, now: float) -> Keys:
        """Look again at what time alone may have changed; returns whose votes that are.

        To be called at ``next_review``: the time by which it comes late is time in which nothing could be heard.
        """
        changed: list[CheckKey] = []
        for vantage in self.vantages.values():
            if vantage.waiting:
                changed += self._review(vantage, now)
            elif vantage.seeks and now >= vantage.looked + self._pause(vantage):
                vantage.witness(self._in_service(vantage), now)
        if now - self._swept >= SWEEP:
            changed += self._sweep(now)
        return changed

    def heard_at(self, name: VantageName) -> float:
        """When a vantage point was last heard of, in monotonic seconds."""
        return max((self.checks[key].heard_at for key in self._by_vantage[name]), default=math.inf)

    def quiet(self, name: VantageName) -> bool:
        """Whether all votes of a vantage point have expired."""
        keys = self._by_vantage[name]
        return bool(keys) and self._expired.issuperset(keys)

    @property
    def next_review(self) -> float:
        """When to call ``review``, in monotonic seconds."""
        vantages = self.vantages.values()
        waiting = [vantage.reviewed + self._pause(vantage) for vantage in vantages if vantage.waiting]
        seeking = [
            vantage.looked + self._pause(vantage) for vantage in vantages if vantage.seeks and not vantage.waiting
        ]
        return min([*waiting, *seeking, self._swept + SWEEP])

    def _count(self, vantage: Vantage, check: CheckState, result: ProbeResult) -> None:
        key, observation = result.key, result.observation
        if key in vantage.waiting and observation.ok:
            check.state = forgive(check.vote)  # it was silent together with others, and is back before they are
        check.take(result, self._electorate.paces[key.probe].thresholds)
        if observation.cause is Cause.LOCAL:
            return
        falls = check.state.condition is Condition.DOWN and check.vote.condition is not Condition.DOWN
        if not silent(observation):
            vantage.forget(key)
        elif check.vote.condition is not Condition.DOWN:
            self._ask_witnesses(vantage, result.at)
            vantage.meet_silence(key, result.at, falls=falls)
        if key not in vantage.waiting:
            check.vote = check.state

    def _review(self, vantage: Vantage, now: float) -> Keys:
        """Believe what can be believed, and see whether there is reason for doubt."""
        if vantage.reviewed <= now < vantage.reviewed + self._pause(vantage):
            return ()
        in_service, before = self._in_service(vantage), vantage.doubt
        vantage.judge(in_service, now)
        if before is not vantage.doubt:
            return self._turn(vantage)
        if vantage.doubt is not None or not vantage.waiting:
            return ()
        trusted = vantage.witness(in_service, now)
        believed = [key for key, silence in vantage.waiting.items() if silence.credible(trusted)]
        for key in believed:
            vantage.forget(key)
            self.checks[key].vote = self.checks[key].state
        if vantage.waiting:
            self._ask(vantage, in_service)
        return believed

    def _pause(self, vantage: Vantage) -> float:
        return max(REVIEW, SHARE * len(self._by_vantage[vantage.name]))

    def _in_service(self, vantage: Vantage) -> set[str]:
        """Targets that are not known to be down."""
        keys = self._by_vantage[vantage.name]
        return {key.target for key in keys if self.checks[key].vote.condition is not Condition.DOWN}

    def _turn(self, vantage: Vantage) -> Keys:
        """The vantage point has begun to doubt itself, or has stopped."""
        keys = self._by_vantage[vantage.name]
        vantage.forget_all()
        for key in keys:
            check = self.checks[key]
            check.vote = forgive(check.vote)
            check.state = check.vote
        self._doubted(vantage)
        return keys

    def _ask(self, vantage: Vantage, in_service: Collection[str]) -> None:
        """Have those attempted at once whose answers would tell whether silence can be believed.

        Where others have answered only after it, that is whoever was silent too: it may answer as well by now.
        """
        since = max(silence.decided or silence.since for silence in vantage.waiting.values())
        again = [key for key, silence in vantage.waiting.items() if silence.witnessed is not None]
        self._ask_unheard(vantage, in_service, since, again)

    def _ask_witnesses(self, vantage: Vantage, since: float) -> None:
        """Have somebody heard in the midst of a silence that has just begun.

        References are few, and asked seldom otherwise; endpoints answer often enough by themselves where they are many.
        """
        in_service = self._in_service(vantage) if ENDPOINTS <= len(self._by_vantage[vantage.name]) <= FEW else ()
        self._ask_unheard(vantage, in_service, since)

    def _ask_unheard(self, vantage: Vantage, in_service: Collection[str], since: float, again: Keys = ()) -> None:
        """Have those attempted at once of whom nothing is known ``since`` then, and those to be asked ``again``."""
        unheard = dict.fromkeys(vantage.unheard(in_service, since))
        references = [CheckKey(vantage.name, REFERENCE, name) for name in unheard if name in vantage.references]
        others = (key for key in self._by_vantage[vantage.name] if key.target in unheard)
        if unheard or again:
            self._hurry([*references, *again, *others])

    def _still(self, keys: Iterable[CheckKey]) -> tuple[CheckKey, ...]:
        return tuple(key for key in keys if key in self.checks)

    def _sweep(self, now: float) -> Keys:
        """Votes that have become too old, and those that are no more."""
        lost, self._swept = now - self._swept - SWEEP, now
        if lost > SWEEP:
            for check in self.checks.values():
                check.heard_at = min(now, check.heard_at + lost)
        paces = self._electorate.paces
        ages = ((key, check, now - check.heard_at) for key, check in self.checks.items())
        expired = {key for key, check, age in ages if age > expires_after(paces[key.probe], check.state)}
        changed = expired ^ self._expired
        self._expired = expired
        return changed
