"""[probes.NAME]: the timing of a probe. The other keys of the table are the options of its type."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from gslb.config.faults import shown
from gslb.model.duration import format_duration
from gslb.model.options import Duration, Key, NetworkText, Options, PositiveDuration
from gslb.model.pacing import Pace
from gslb.model.step import Evidence, Thresholds

CONFIRM = 0.2
BACKOFF = 10.0

Count = Annotated[int, Field(ge=1, le=100)]


def _read_evidence(value: object) -> object:
    choices = [choice.value for choice in Evidence]
    if value not in choices:
        raise ValueError(f"{shown(value)} is no choice; write one of {', '.join(map(repr, choices))}")
    return Evidence(value)


class ProbeSection(Options):
    """Keys that every probe has, whatever its type."""

    type: Annotated[Key, Field(description="kind of probe, such as http or tcp")]
    interval: Annotated[PositiveDuration, Field(description="time between the starts of two attempts")] = 1.0
    timeout: Annotated[PositiveDuration, Field(description="longest an attempt may take")] = 0.5
    confirm: Annotated[
        PositiveDuration | None,
        Field(description="time between attempts that confirm a failure; default: 200ms, or interval if shorter"),
    ] = None
    confirm_timeout: Annotated[
        PositiveDuration | None, Field(description="longest a confirming attempt may take; default: timeout")
    ] = None
    hedge: Annotated[
        PositiveDuration | None,
        Field(description="an attempt slower than usual by this much is confirmed at once; default: at its timeout"),
    ] = None
    tripwire: Annotated[
        bool, Field(description="hold a connection open to each endpoint; its end leads to an attempt at once")
    ] = False
    evidence: Annotated[
        Evidence,
        BeforeValidator(_read_evidence),
        Field(description="what it takes to go down: confirmed, or two-signals (tripwire and a refused reconnect)"),
    ] = Evidence.CONFIRMED
    backoff: Annotated[
        Duration, Field(description="longest interval between attempts at an endpoint that has long been down")
    ] = BACKOFF
    allow: Annotated[
        list[NetworkText], Field(description="link-local or metadata networks that may be probed after all")
    ] = []  # noqa: RUF012  pydantic copies it
    fall: Annotated[Count, Field(description="failures until an endpoint is down")] = 3
    ok: Annotated[Count, Field(description="successes in a row that clear counted failures")] = 2
    rise: Annotated[Count, Field(description="successes in a row until an endpoint is up again")] = 3

    @model_validator(mode="after")
    def _attempts_fit(self) -> Self:
        if self.timeout > self.interval:
            raise ValueError(
                f"timeout {format_duration(self.timeout)} is longer than interval {format_duration(self.interval)}; "
                "an attempt never overlaps the next one, so lower timeout or raise interval"
            )
        if self.confirm is not None and self.confirm > self.interval:
            raise ValueError(
                f"confirm {format_duration(self.confirm)} is longer than interval {format_duration(self.interval)}; "
                "a failure is confirmed sooner than the next regular attempt, so lower confirm"
            )
        if self.evidence is Evidence.TWO_SIGNALS and not self.tripwire:
            raise ValueError("evidence two-signals needs a tripwire, which is one of the two; add tripwire = true")
        return self

    def pace(self) -> Pace:
        """The timing as the monitor uses it."""
        return Pace(
            self.interval,
            self.timeout,
            self.confirm or min(CONFIRM, self.interval),
            self.confirm_timeout or self.timeout,
            self.hedge,
            self.backoff,
            self.tripwire,
            Thresholds(self.fall, self.ok, self.rise, self.evidence),
        )
