"""[escalations.NAME]: what is done, in order, for a region that is stressed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gslb.config.faults import suggest
from gslb.config.notify import check_services
from gslb.config.reader import Reader
from gslb.config.receivers import Glob, ReceiverOptions, check_receiver
from gslb.model.escalation import Plan
from gslb.model.options import Duration, Key, Options, PositiveDuration
from gslb.model.template import faults_of
from gslb.model.topology import Topology

PLACES = ("id", "escalation", "stage", "service", "region", "score", "saturation", "at", "node")
"""Names that the arguments of commands and the templates of webhooks may have places for."""
TIMEOUT = 30.0
"""Seconds that a command or a request may take where the stage does not say."""

Argument = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=65536)]
_HELP = ("exec", "webhook", "weight", "drain")


class WhenSection(Options):
    """When a region is stressed: any of these."""

    score_below: Annotated[
        float | None, Field(gt=0.0, le=1.0, description="mean score of its healthy endpoints below this")
    ] = None
    saturation_above: Annotated[
        float | None,
        Field(ge=0.0, allow_inf_nan=False, description="saturation that its gateways state above this; 1 is full"),
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.score_below is None and self.saturation_above is None:
            raise ValueError("says nothing; give score_below or saturation_above")
        return self

    def holds(self, score: float, saturation: float | None) -> bool:
        """Whether a region with this mean score and saturation is stressed."""
        low = self.score_below is not None and score < self.score_below
        full = self.saturation_above is not None and saturation is not None and saturation > self.saturation_above
        return low or full


class StageSection(Options):
    """One stage: a command, a request, another weight, or a drain."""

    name: Annotated[Key, Field(description="name of the stage")]
    exec: Annotated[
        list[Argument] | None,
        Field(min_length=1, max_length=1000, description="command to run, an absolute path, and its arguments"),
    ] = None
    webhook: Annotated[ReceiverOptions | None, Field(description="whom to call instead")] = None
    weight: Annotated[int | None, Field(ge=0, le=255, description="base weight that the region is given instead")] = (
        None
    )
    drain: Annotated[Literal[True] | None, Field(description="true: the region is drained instead")] = None
    timeout: Annotated[
        PositiveDuration | None, Field(le=3600.0, description="longest that exec or webhook takes; default 30s")
    ] = None
    wait: Annotated[Duration, Field(description="time to help, before the next stage")] = 120.0

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        given = [name for name in _HELP if getattr(self, name) is not None]
        if len(given) != 1:
            stated = " and ".join(given) or "nothing to do"
            raise ValueError(f"has {stated}; give exactly one of {', '.join(_HELP)}")
        if self.timeout is not None and given[0] in ("weight", "drain"):
            raise ValueError(f"has a timeout, but {given[0]} takes no time; remove timeout")
        return self

    @property
    def limit(self) -> float:
        """Seconds that a command or a request may take."""
        return TIMEOUT if self.timeout is None else self.timeout


class EscalationSection(Options):
    """What is done for a region that is stressed, stage by stage."""

    services: Annotated[
        list[Glob], Field(min_length=1, max_length=1000, description="services that it is for, names or globs")
    ]
    regions: Annotated[
        list[Key], Field(max_length=1000, description="regions that it is for; none: all of these services")
    ] = []  # noqa: RUF012  pydantic copies it
    when: Annotated[WhenSection, Field(description="when a region is stressed: any of these")]
    after: Annotated[Duration, Field(description="how long it must be stressed before a stage begins")] = 30.0
    calm: Annotated[PositiveDuration, Field(description="how long without stress until all is undone")] = 300.0
    stages: Annotated[list[StageSection], Field(min_length=1, max_length=20, description="what is done, in this order")]

    @model_validator(mode="after")
    def _stages_make_sense(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("has two stages of one name; give each a name of its own")
        if any(stage.drain for stage in self.stages[:-1]):
            raise ValueError("has a stage after a drain, which never begins; make the drain the last one")
        return self

    @property
    def plan(self) -> Plan:
        """Its timing."""
        return Plan(self.after, self.calm, tuple(stage.wait for stage in self.stages))


def read_escalations(reader: Reader, *, kept: bool) -> dict[str, EscalationSection]:
    """The escalations by name, those without faults; ``kept`` as for ``read_notify``."""
    found = {}
    for name, table in reader.tables("escalations").items():
        section = reader.parse(EscalationSection, table, ("escalations", name))
        if section is not None:
            found[name] = section
            for index, stage in enumerate(section.stages):
                _check_stage(reader, ("escalations", name, "stages", index), stage, kept=kept)
    return found


def _check_stage(reader: Reader, at: tuple[str | int, ...], stage: StageSection, *, kept: bool) -> None:
    if stage.webhook is not None:
        check_receiver(reader, (*at, "webhook"), stage.webhook, PLACES, kept=kept)
    faults = list(faults_of((stage.exec or [])[1:], PLACES))
    if stage.exec is not None and not kept:
        faults += _program_faults(stage.exec[0])
    for fault in faults:
        message, _, remedy = fault.partition("; ")
        reader.fault((*at, "exec"), message, remedy)


def _program_faults(path: str) -> list[str]:
    program = Path(path)
    if not program.is_absolute():
        return [f"{path!r} is no absolute path; commands are not looked for in PATH"]
    if not program.is_file() or not os.access(program, os.X_OK):
        return [f"{path!r} is no executable file; check the path and its permissions"]
    return []


def check_escalations(reader: Reader, escalations: Mapping[str, EscalationSection], topology: Topology) -> None:
    """Services and regions that they name exist."""
    for name, section in escalations.items():
        check_services(reader, ("escalations", name), section.services, topology.services)
        for region in section.regions:
            if region not in topology.regions:
                remedy = suggest(region, topology.regions)
                reader.fault(("escalations", name, "regions"), f"no region {region!r}", remedy)
