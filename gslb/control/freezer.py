"""Services whose answers people have frozen: only orders change them, decided by what was known at that time."""

from collections.abc import Mapping
from dataclasses import replace

from gslb.model.branch import Signals
from gslb.model.fitness import Standing
from gslb.model.names import EndpointName, ServiceName
from gslb.model.override import Override
from gslb.model.steer import Decision
from gslb.model.steering import Steering

Known = tuple[Mapping[EndpointName, Standing], float, Signals]
"""What is known of a service's endpoints, when that was so, in monotonic seconds, and what was measured then."""


class Freezer:
    """What was known when services were frozen. After a restart it is what was known then."""

    def __init__(self) -> None:
        self._known: dict[ServiceName, Known] = {}

    def known(self, name: ServiceName, freeze: Override | None, now: Known) -> Known:
        """What decisions go by: what is known ``now``, or was when the service was frozen."""
        if freeze is None:
            self._known.pop(name, None)
            return now
        standings, moment, signals = self._known.setdefault(name, now)
        present = {endpoint: standings.get(endpoint, standing) for endpoint, standing in now[0].items()}
        return present, moment, signals  # a reload may have brought endpoints, or taken some away


def kept(decision: Decision, before: Steering, freeze: Override) -> Decision:
    """``decision`` as it is taken note of while the answers are those of ``before``."""
    return replace(
        decision,
        steering=before,
        ttl_reason=f"frozen by {freeze.author}: {freeze.reason}",
        withheld=None if _answers_alike(decision.steering, before) else decision.steering,
    )


def _answers_alike(one: Steering, other: Steering) -> bool:
    """Whether the same is answered, whatever its TTL."""
    return (one.rules, one.types, one.answers) == (other.rules, other.types, other.answers)
