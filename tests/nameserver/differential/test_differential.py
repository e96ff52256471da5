"""The nameserver beside NSD and Knot, asked the same about the same zones: where it differs, it has a reason."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from gslb.config.sources import Sources
from gslb.config.zonefile import read_zone_file
from gslb.nameserver.snapshot import Snapshot, Zone
from tests.nameserver.differential.generated import generated
from tests.nameserver.differential.legitimate import TABLE, Difference, differences
from tests.nameserver.differential.observed import Client, Observed, observe
from tests.nameserver.differential.packets import odd
from tests.nameserver.differential.questions import TC, Question, chosen, every, existing, names_about
from tests.nameserver.differential.references import serving_knot, serving_nsd
from tests.nameserver.differential.zones import HAND
from tests.nameserver.support import running

SHOWN = 20
"""disagreements that a failing test tells of"""


@dataclass(frozen=True, slots=True)
class Trio:
    """Ours and the references, serving the same zones: master files by origin."""

    zones: dict[str, str]
    ours: Client
    nsd: Client
    knot: Client

    @property
    def servers(self) -> tuple[Client, Client, Client]:
        return self.ours, self.nsd, self.knot


@contextmanager
def serving(folder: Path, zones: dict[str, str], *extra: str) -> Iterator[Trio]:
    files = {origin: folder / f"{origin}zone" for origin in zones}
    for origin, file in files.items():
        file.write_text(zones[origin])
    read = [Zone(origin, read_zone_file(file, origin, Sources()).records) for origin, file in files.items()]
    with ExitStack() as stack:
        nsd = stack.enter_context(serving_nsd(folder, files))
        knot = stack.enter_context(serving_knot(folder, files))
        ours = stack.enter_context(running(folder, *extra, snapshot=Snapshot(1, tuple(read), ())))
        yield Trio(zones, Client(ours.port), Client(nsd), Client(knot))


def questions(zones: dict[str, str], each: int, share: float = 1) -> list[Question]:
    """All records of each zone, ``each`` questions by chance, a share of all names and types, and odd packets."""
    random = Random(1)
    asked = list(odd())
    for origin, text in zones.items():
        names = names_about(text, origin)
        asked += existing(text, origin)
        asked += chosen(names, random, each)
        asked += [question for question in every(names) if random.random() < share]
    return asked


@dataclass(frozen=True, slots=True)
class Findings:
    """What a comparison has shown.

    Attributes:
        unexplained: differences without a reason.
        needed: how often each reason was one.
    """

    unexplained: list[Difference]
    needed: Counter[str]


def compare(trio: Trio, asked: Sequence[Question]) -> Findings:
    """Ask all of them. What one of them may have cut short over UDP is compared as it comes over TCP."""
    observed = [_observed(client, asked) for client in trio.servers]
    cut = [index for index, found in enumerate(zip(*observed, strict=True)) if not asked[index].odd and _are_cut(found)]
    again = [replace(asked[index], tcp=True) for index in cut]
    for client, found in zip(trio.servers, observed, strict=True):
        for index, whole in zip(cut, _observed(client, again), strict=True):
            found[index] = _completed(found[index], whole)
    findings = Findings([], Counter())
    for question, *answers in zip(asked, *observed, strict=True):
        for difference in differences(question, *answers):
            reason = next((reason for reason in TABLE if reason.explains(difference)), None)
            if reason:
                findings.needed[reason.name] += 1
            else:
                findings.unexplained.append(difference)
    return findings


def _observed(client: Client, asked: Sequence[Question]) -> list[Observed | None]:
    return [observe(reply) if reply else None for reply in client.ask(asked)]


def _are_cut(responses: Sequence[Observed | None]) -> bool:
    """Whether any is truncated, or has less additional data than another one, maybe for want of room."""
    found = [response for response in responses if response]
    return any(response.flags & TC for response in found) or len({response.additional for response in found}) > 1


def _completed(short: Observed | None, whole: Observed | None) -> Observed | None:
    """The header is that of the short one."""
    return short and whole and replace(whole, flags=short.flags, edns=short.edns)


def test_as_nsd_and_knot(tmp_path: Path) -> None:
    hold_together(tmp_path, zones=4, each=120, share=0.12)


@pytest.mark.acceptance
@pytest.mark.parametrize("extra", [(), ("--plain",)], ids=["batched", "plain"])
def test_as_nsd_and_knot_at_length(tmp_path: Path, extra: tuple[str, ...]) -> None:
    hold_together(tmp_path, *extra, zones=30, each=500, share=0.5)


def hold_together(folder: Path, *extra: str, zones: int, each: int, share: float) -> None:
    files = dict(HAND) | dict(map(generated, range(zones)))
    asked = questions(files, each, share)
    with serving(folder, files, *extra) as trio:
        check(compare(trio, asked))
        first, *later = (trio.ours.ask(asked) for _ in range(3))
    for replies in later:
        for question, one, other in zip(asked, first, replies, strict=True):
            assert one == other, question  # those of what is kept ready


def check(findings: Findings) -> None:
    """Every difference has a reason, and every reason a difference: what has none is out of date."""
    shown = "\n".join(map(str, findings.unexplained[:SHOWN]))
    assert not findings.unexplained, f"{len(findings.unexplained)} differences without a reason:\n{shown}"
    assert {reason.name for reason in TABLE} == set(findings.needed)
