"""What one provider cannot say of a service, and would refuse of it. Pure; callers mind what plug-ins raise."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from gslb.config.providers import ProviderSetup
from gslb.config.wayouts import Unsayable
from gslb.model.expressible import Feature
from gslb.model.recordset import Marker
from gslb.model.rehearsal import Rehearsal, Situation, nobody
from gslb.model.steering import Steering
from gslb.model.topology import Service

Heard = Sequence[tuple[Situation, Steering]]
"""What a service answers in each situation, that of all regions up first."""
_NUMBER = 2**62
"""in a marker: as long as any"""
_MARKER_TTL = 300


def unsayable(setup: ProviderSetup, rehearsal: Rehearsal, heard: Heard) -> tuple[Unsayable, ...]:
    """What ``setup`` cannot say, each feature once: for the first situation that needs it."""
    found: dict[Feature, Unsayable] = {}
    for situation, steering in heard:
        for feature, texts in _faults(setup, steering, rehearsal.service.degrade).items():
            if feature not in found:
                found[feature] = Unsayable(feature, texts, situation, _step(setup, rehearsal, situation, feature))
    return tuple(found.values())


def needed(setup: ProviderSetup, service: Service, heard: Heard) -> frozenset[Feature]:
    """The degradations of ``service`` without which ``setup`` could not say something."""
    steerings = [steering for _, steering in heard]
    steerings.append(nobody(steerings[0]))  # however when_all_down is set, people may order everybody out
    return frozenset(
        feature
        for feature in service.degrade
        if any(feature in _faults(setup, steering, service.degrade - {feature}) for steering in steerings)
    )


def refused(setup: ProviderSetup, service: Service, steerings: Iterable[Steering], owner: str) -> tuple[str, ...]:
    """What ``setup`` would refuse of the records for ``steerings`` and their marker, as far as it can tell."""
    marker = Marker(service.name, owner, _NUMBER, _NUMBER).record(_MARKER_TTL)
    rendered = (setup.provider.render(steering, service.degrade).records for steering in steerings)
    return tuple(dict.fromkeys(text for records in rendered for text in setup.provider.problems((*records, marker))))


def _faults(setup: ProviderSetup, steering: Steering, without: Collection[Feature]) -> dict[Feature, tuple[str, ...]]:
    """What cannot be said of ``steering``, in words, by what it would take; the same once for all record types."""
    found = defaultdict[Feature, dict[str, None]](dict)
    for fault in setup.provider.render(steering, frozenset(without)).faults:
        found[fault.feature][fault.text] = None
    return {feature: tuple(texts) for feature, texts in found.items()}


def _step(setup: ProviderSetup, rehearsal: Rehearsal, situation: Situation, feature: Feature) -> int | None:
    """The first step of the policy with which ``setup`` cannot say it: the whole chain it cannot."""
    steps = len(rehearsal.service.policy)
    for count in range(steps):
        if feature in _faults(setup, rehearsal.answers(situation, count), rehearsal.service.degrade):
            return count - 1 if count else None
    return steps - 1
