"""What one vantage point has heard of its targets lately, and whether its word counts."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from msgspec import structs

from gslb.model.doubt import NEVER, Heard, answered, doubtful, fell_silent, hear, silent, trusted_until
from gslb.model.names import RegionName, VantageName
from gslb.model.observation import CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.step import Condition, ProbeState, Thresholds, step

REFERENCE_PACE = Pace(interval=2.0, timeout=0.5, confirm=0.2, confirm_timeout=0.5, thresholds=Thresholds(3, 1, 1))


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a vantage point's word does not count at present; ``since`` is in monotonic seconds."""

    since: float
    reason: str


@dataclass(slots=True)
class Reference:
    """A target outside of what is steered, that answers as long as the network does."""

    state: ProbeState = field(default_factory=ProbeState)
    answered: float = NEVER


@dataclass(slots=True)
class Silence:
    """What a check that is not known to be down has met again and again; times are in monotonic seconds.

    Attributes:
        since: start of the first attempt in a row that met it.
        newest: start of the newest.
        witnessed: by when enough others had answered to attempts begun since; None for not yet.
        decided: start of the attempt with which there were enough failures; None for not yet.
    """

    since: float
    newest: float
    witnessed: float | None = None
    decided: float | None = None

    def credible(self, trusted: float) -> bool:
        """Whether it is the target's own: others answered in the midst of it, and again at its end.

        In the midst, or a failure of the network that is over again would be taken for one of each target that it hid.
        """
        if self.decided is None or self.decided > trusted:
            return False
        return self.witnessed is not None and self.witnessed <= self.newest


class Vantage:
    """One vantage point.

    Attributes:
        doubt: why it abstains; None while its word counts.
        silences: what checks have met that are not known to be down.
        waiting: those of them that are down if it can be believed.
        reviewed: when it was last looked for reasons to doubt and to believe.
        looked: when it was last looked for witnesses.
    """

    def __init__(self, name: VantageName) -> None:
        self.name = name
        self.doubt: Doubt | None = None
        self.silences: dict[CheckKey, Silence] = {}
        self.waiting: dict[CheckKey, Silence] = {}
        self._unwitnessed: set[CheckKey] = set()
        self.reviewed = self.looked = NEVER
        self._heard: dict[str, Heard] = {}
        self._references: dict[str, Reference] = {}
        self._fine_since = NEVER

    def configure(self, regions: Mapping[str, RegionName], references: Iterable[str]) -> None:
        """Watch these targets, each in its region, and compare them with these references."""
        self._heard = {
            target: replace(self._heard.get(target, Heard(region)), region=region) for target, region in regions.items()
        }
        self._references = {target: self._references.get(target, Reference()) for target in references}

    def hear(self, target: str, observation: Observation, at: float) -> None:
        """Note whether a target has answered at all to an attempt that started ``at``."""
        heard = self._heard.get(target)
        if heard is not None:
            self._heard[target] = hear(heard, observation, at)

    def hear_reference(self, result: ProbeResult) -> ProbeState | None:
        """Note the same of a reference, where a refusal is an answer too; returns its state."""
        reference, observation = self._references.get(result.key.target), result.observation
        if reference is None:
            return None
        if answered(observation):
            observation = structs.replace(observation, ok=True, cause=None)
            reference.answered = max(result.at, reference.answered)
        reference.state = step(reference.state, observation, result.ended, REFERENCE_PACE.thresholds)
        return reference.state

    def ignores(self, result: ProbeResult) -> bool:
        """Whether a failure says nothing of its target: the network was in doubt, at its end or at its beginning."""
        if result.observation.ok:
            return False
        return self.doubt is not None or (silent(result.observation) and result.at < self._fine_since)

    def meet_silence(self, key: CheckKey, at: float, *, falls: bool) -> None:
        """A check that is not known to be down met silence; with it it ``falls``, if that can be believed."""
        silence = self.silences.get(key)
        if silence is None:
            silence = self.silences[key] = Silence(at, at)
            self._unwitnessed.add(key)
        silence.newest = max(at, silence.newest)
        if falls:
            self.waiting[key] = silence
            if silence.decided is None:
                silence.decided = at

    def forget(self, key: CheckKey) -> None:
        """The silence of a check is over, or believed."""
        self.silences.pop(key, None)
        self.waiting.pop(key, None)
        self._unwitnessed.discard(key)

    def forget_all(self) -> None:
        """No silence says anything any more."""
        self.silences.clear()
        self.waiting.clear()
        self._unwitnessed.clear()

    @property
    def seeks(self) -> bool:
        """Whether there is silence that nobody has witnessed yet."""
        return bool(self._unwitnessed)

    def witness(self, in_service: Collection[str], now: float) -> float:
        """Note which silences enough others have witnessed by now; returns until when silence is trusted."""
        self.looked, trusted = now, self.trusted_until(in_service)
        for key in [key for key in self._unwitnessed if self.silences[key].since <= trusted]:
            self.silences[key].witnessed = NEVER if trusted == math.inf else now
            self._unwitnessed.discard(key)
        return trusted

    def judge(self, in_service: Collection[str], now: float) -> None:
        """Begin to doubt, or stop doubting. ``in_service`` are the targets that are not known to be down."""
        self.reviewed = now
        reason = self._reason([self._heard[target] for target in in_service if target in self._heard])
        if reason is None and self.doubt is not None:
            self.doubt, self._fine_since = None, now
        elif reason is not None and self.doubt is None:
            self.doubt = Doubt(now, reason)

    def trusted_until(self, in_service: Collection[str]) -> float:
        """Silence that met an attempt begun by then is the target's own. Argument as for ``judge``."""
        moment = trusted_until(self._heard[target] for target in in_service if target in self._heard)
        newest = max((reference.answered for reference in self._references.values()), default=moment)
        return min(moment, newest)

    def unheard(self, in_service: Collection[str], since: float) -> list[str]:
        """Targets and references of which nothing is known from attempts begun ``since`` then."""
        targets = [target for target in in_service if target in self._heard and self._heard[target].newest < since]
        return targets + [name for name, reference in self._references.items() if reference.answered < since]

    @property
    def references(self) -> frozenset[str]:
        """Names of the reference targets."""
        return frozenset(self._references)

    def _reason(self, heard: list[Heard]) -> str | None:
        states = [reference.state.condition for reference in self._references.values()]
        if states and all(condition is Condition.DOWN for condition in states):
            return f"none of {len(states)} reference targets answers"
        if not doubtful(heard):
            return None
        fallen = fell_silent(heard)
        regions = {target.region for target in fallen}
        return f"{len(fallen)} of {len(heard)} endpoints in {len(regions)} regions fell silent together"
