"""What one provider cannot say of a service, and would refuse of it. Pure; callers mind what plug-ins raise."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gslb.config.providers import ProviderSetup
from gslb.config.wayouts import Unsayable
from gslb.model.expressible import Feature, Rendering
from gslb.model.recordset import Marker
from gslb.model.rehearsal import Rehearsal, Situation, nobody
from gslb.model.steering import Steering
from gslb.model.topology import Service

Heard = Sequence[tuple[Situation, Steering]]
"""What a service answers in each situation, that of all regions up first."""
_NUMBER = 2**62
"""in a marker: as long as any"""
_MARKER_TTL = 300


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one service at one provider.

    Attributes:
        unsayable: what cannot be said, each feature once: for the first situation that needs it.
        needed: degradations of the service without which something could not be said.
        refused: what would be refused while all regions are up, as far as the provider can tell.
        refused_later: what else would be refused in other situations.
    """

    unsayable: tuple[Unsayable, ...]
    needed: frozenset[Feature]
    refused: tuple[str, ...]
    refused_later: tuple[str, ...]

    def unsayable_in(self, calm: Situation) -> set[Feature]:
        """What cannot be said in the first situation, which is that with all regions up."""
        return {each.feature for each in self.unsayable if each.situation == calm}

    def of(self, service: Service, former: Service, refused: tuple[str, ...]) -> "Said":
        """The same of another service of the same form, of which ``refused`` is refused in calm."""

        def named(texts: Iterable[str]) -> tuple[str, ...]:
            return tuple(text.replace(former.name, service.name) for text in texts)

        cannot = tuple(each._replace(texts=named(each.texts)) for each in self.unsayable)
        return Said(cannot, self.needed, refused, named(self.refused_later))


def hear(setup: ProviderSetup, rehearsal: Rehearsal, heard: Heard, owner: str) -> Said:
    """What comes of a service that is rehearsed, at ``setup``; ``owner`` marks its records."""
    service = rehearsal.service
    rendered = [setup.provider.render(steering, service.degrade) for _, steering in heard]
    calm = refused(setup, service, rendered[:1], owner)
    later = tuple(text for text in refused(setup, service, rendered[1:], owner) if text not in calm)
    needed = _needed(setup, service, heard) if service.degrade else frozenset()
    situations = [situation for situation, _ in heard]
    return Said(_unsayable(setup, rehearsal, zip(situations, rendered, strict=True)), needed, calm, later)


def refused(setup: ProviderSetup, service: Service, rendered: Iterable[Rendering], owner: str) -> tuple[str, ...]:
    """What ``setup`` would refuse of the records in ``rendered`` and their marker, as far as it can tell."""
    marker = Marker(service.name, owner, _NUMBER, _NUMBER).record(_MARKER_TTL)
    each = (setup.provider.problems((*rendering.records, marker)) for rendering in rendered)
    return tuple(dict.fromkeys(text for texts in each for text in texts))


def _unsayable(
    setup: ProviderSetup, rehearsal: Rehearsal, rendered: Iterable[tuple[Situation, Rendering]]
) -> tuple[Unsayable, ...]:
    found: dict[Feature, Unsayable] = {}
    for situation, rendering in rendered:
        for feature, texts in _faults(rendering).items():
            if feature not in found:
                found[feature] = Unsayable(feature, texts, situation, _step(setup, rehearsal, situation, feature))
    return tuple(found.values())


def _needed(setup: ProviderSetup, service: Service, heard: Heard) -> frozenset[Feature]:
    steerings = [steering for _, steering in heard]
    steerings.append(nobody(steerings[0]))  # however when_all_down is set, people may order everybody out
    return frozenset(
        feature
        for feature in service.degrade
        if any(feature in _faults(setup.provider.render(each, service.degrade - {feature})) for each in steerings)
    )


def _faults(rendering: Rendering) -> dict[Feature, tuple[str, ...]]:
    """What cannot be said, in words, by what it would take; the same once for all record types."""
    found = defaultdict[Feature, dict[str, None]](dict)
    for fault in rendering.faults:
        found[fault.feature][fault.text] = None
    return {feature: tuple(texts) for feature, texts in found.items()}


def _step(setup: ProviderSetup, rehearsal: Rehearsal, situation: Situation, feature: Feature) -> int | None:
    """The first step of the policy with which ``setup`` cannot say it: the whole chain it cannot."""
    steps = len(rehearsal.service.policy)
    for count in range(steps):
        steering = rehearsal.answers(situation, count)
        if feature in _faults(setup.provider.render(steering, rehearsal.service.degrade)):
            return count - 1 if count else None
    return steps - 1
