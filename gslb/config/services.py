"""[services."NAME"]: a DNS name, the regions behind it and how they share it."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from gslb.config.chains import read_policy
from gslb.config.faults import shown
from gslb.config.regions import Weight
from gslb.config.ttl import Ttl
from gslb.model.combine import Require
from gslb.model.duration import format_duration
from gslb.model.expressible import DEGRADABLE, Feature
from gslb.model.options import Duration, Key, Options, PositiveDuration, Share
from gslb.model.topology import AllDown

MAX_REQUIRE = 100


class TtlSection(Options):
    """TTL in calm and in trouble."""

    steady: Annotated[Ttl, Field(description="TTL while nothing happens, and the longest with auto")] = 30.0
    alert: Annotated[
        Ttl, Field(description="TTL after a change and of negative answers, and the shortest with auto")
    ] = 5.0
    auto: Annotated[bool, Field(description="in calm, no longer than until the answer could next change")] = False

    @model_validator(mode="after")
    def _alert_is_shorter(self) -> Self:
        if self.alert > self.steady:
            raise ValueError(
                f"alert {format_duration(self.alert)} is longer than steady {format_duration(self.steady)}; "
                "resolvers should come back sooner in trouble, so lower alert"
            )
        return self


def _read_ttl(value: Any) -> Any:
    if isinstance(value, str):
        if value != "auto":
            raise ValueError(f'{shown(value)} is no TTL; write {{ steady = "30s", alert = "5s" }}, or "auto"')
        return {"auto": True}
    return value


class AllDownSection(Options):
    """What to answer when no endpoint is fit."""

    mode: Annotated[AllDown, Field(description="what to do")]
    fallback: Annotated[Key | None, Field(description="the region that answers, with mode fallback")] = None


def _read_all_down(value: Any) -> Any:
    choices = [choice.value for choice in AllDown if choice is not AllDown.FALLBACK]
    if value in choices:
        return {"mode": AllDown(value)}
    if isinstance(value, dict) and set(value) == {"fallback"}:
        return {"mode": AllDown.FALLBACK, "fallback": value["fallback"]}
    raise ValueError(
        f'{shown(value)} is no choice; write one of {", ".join(map(repr, choices))}, or {{ fallback = "REGION" }}'
    )


def _show_all_down(section: AllDownSection) -> Any:
    return {"fallback": section.fallback} if section.fallback else section.mode.value


def _read_require(value: Any) -> Any:
    if value in ("all", "any") or (type(value) is int and 1 <= value <= MAX_REQUIRE):
        return value
    raise ValueError(f'{shown(value)} is no choice; write "all", "any" or a number from 1 to {MAX_REQUIRE}')


def _read_regions(value: Any) -> Any:
    """A list of names is a table without weights."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{shown(value)} names no regions; write a list of names, or a table of names and weights")
    if len(set(value)) != len(value):
        raise ValueError("a region is named twice; name each once")
    return dict.fromkeys(value)


def _read_feature(value: Any) -> Any:
    choices = [feature.value for feature in Feature if feature in DEGRADABLE]
    if value not in choices:
        raise ValueError(f"{shown(value)} is nothing to do without; write one of {', '.join(map(repr, choices))}")
    return Feature(value)


def _each_once(features: list[Feature]) -> list[Feature]:
    if len(set(features)) != len(features):
        raise ValueError("something is named twice; name each once")
    return features


class ServiceSection(Options):
    """One steered DNS name."""

    regions: Annotated[
        dict[Key, Weight | None],
        BeforeValidator(_read_regions),
        Field(min_length=1, description="regions in order of preference, or a table of regions with weights"),
    ]
    probes: Annotated[list[Key], Field(description="probes that its endpoints must pass; none: always up")] = []  # noqa: RUF012  pydantic copies it
    policy: Annotated[
        list[dict[str, Any]],
        BeforeValidator(read_policy),
        Field(min_length=1, description="steps that share out the traffic, in order, or the name of a preset"),
    ] = [{"type": "weighted"}]  # noqa: RUF012  pydantic copies it
    require: Annotated[
        Require,
        BeforeValidator(_read_require),
        Field(description="how many of the probes must pass: all, any or a number"),
    ] = "all"
    quorum: Annotated[
        int | None,
        Field(ge=1, le=100, description="vantage points that must see an endpoint down; default: a majority"),
    ] = None
    ttl: Annotated[
        TtlSection, BeforeValidator(_read_ttl), Field(description='TTL in calm and in trouble; "auto": { auto = true }')
    ] = TtlSection()
    hold: Annotated[Duration, Field(description="time without failure before a recovered endpoint answers")] = 60.0
    ramp: Annotated[
        Duration,
        Field(description="time over which the share of a region grows that was out of the answers; 0s: at once"),
    ] = 0.0
    failback: Annotated[
        Literal["auto", "manual"],
        Field(description="manual: a region that has recovered waits until somebody says `gslb resume`"),
    ] = "auto"
    answers: Annotated[int, Field(ge=1, le=16, description="most addresses in one answer")] = 4
    when_all_down: Annotated[
        AllDownSection,
        BeforeValidator(_read_all_down),
        PlainSerializer(_show_all_down),
        Field(description="when no endpoint is fit: all, last-good, servfail, nodata or { fallback = REGION }"),
    ] = AllDownSection(mode=AllDown.ALL)
    demand: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False, description="requests per second to plan for, instead of what is measured"),
    ] = None
    max_shift: Annotated[
        Share, Field(gt=0.0, description="share of the traffic that scores may move between regions within a minute")
    ] = 0.3
    degrade: Annotated[
        list[Annotated[Feature, BeforeValidator(_read_feature)]],
        AfterValidator(_each_once),
        Field(description="what it does without at a provider that cannot say it, such as sticky or nearest"),
    ] = []  # noqa: RUF012  pydantic copies it
    rto: Annotated[
        PositiveDuration | None,
        Field(description="longest acceptable time from a fault until no resolver answers with the faulty region"),
    ] = None
