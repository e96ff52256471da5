"""How plans are shown: as data of a stated shape, in 80 columns, and as Markdown, which no words from outside break."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from gslb.cli.decided import Decided, Source
from gslb.cli.plan_report import WIDTH, folded, plan_markdown, plan_report, plan_view
from gslb.control.planning import Planned
from gslb.control.writing.draft import Trouble
from gslb.model.expressible import Feature, Inexpressible
from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet
from gslb.model.steering import RecordType
from gslb.model.zone_plan import Change
from providers.base import Lane, UnavailableError

API, WWW = ServiceName("api.example.com."), ServiceName("www.example.com.")
MANY = tuple(ServiceName(f"s{number}.example.com.") for number in range(1_000))
OLD, NEW = RecordSet(API, "A", ("192.0.2.1",), 30), RecordSet(API, "A", ("192.0.2.2",), 30)
DOCS = Path(__file__).parents[2] / "docs" / "providers.md"


def marker(service: ServiceName, fence: int = 1) -> RecordSet:
    return Marker(service, "us", fence).record(300)


CHANGE = Change(API, (OLD, marker(API)), (NEW, marker(API, 2)), (RecordSet(API, "AAAA", ("2001:db8::1",), 30),))
ADD = Change(WWW, (), (RecordSet(WWW, "A", ("192.0.2.3",), 30, "x", '{"Weight":1}', (1.0,)), marker(WWW)))
REMOVE = Change(API, (OLD, marker(API)), ())
PLANNED = Planned("aws", "example.com.", 7, 2, ((Lane.URGENT, CHANGE), (Lane.ROUTINE, ADD)), 2)
BY_DAEMON = Decided({}, Source.DAEMON)


def view(*planned: Planned, decided: Decided = BY_DAEMON) -> dict[str, Any]:
    return plan_view(planned or [PLANNED], decided)


def lines(shown: RenderableType) -> list[str]:
    console = Console(file=StringIO(), highlight=False, soft_wrap=True)
    console.print(shown)
    assert isinstance(console.file, StringIO)
    found = console.file.getvalue().splitlines()
    assert all(len(line) <= WIDTH for line in found)
    return found


def report(*planned: Planned, decided: Decided = BY_DAEMON) -> list[str]:
    return lines(plan_report(view(*planned, decided=decided)))


def words(*planned: Planned, decided: Decided = BY_DAEMON) -> str:
    """The report without its lines."""
    return " ".join(" ".join(report(*planned, decided=decided)).split())


def test_as_data_it_has_all_that_is_planned_but_the_numbers_of_markers() -> None:
    assert view() == {
        "decided_by": "daemon",
        "note": None,
        "assumed": [],
        "changed": [],
        "unknown": [],
        "changes": 2,
        "obstacles": 0,
        "zones": [
            {
                "provider": "aws",
                "zone": "example.com",
                "error": None,
                "record_sets": 7,
                "owned": 2,
                "requests": 2,
                "changes": [
                    {
                        "service": "api.example.com",
                        "action": "change",
                        "urgency": "urgent",
                        "marker": "_gslb.api.example.com",
                        "removed": [
                            {
                                "name": "api.example.com",
                                "type": "A",
                                "identifier": None,
                                "ttl": 30,
                                "values": ["192.0.2.1"],
                                "routing": None,
                            }
                        ],
                        "added": [
                            {
                                "name": "api.example.com",
                                "type": "A",
                                "identifier": None,
                                "ttl": 30,
                                "values": ["192.0.2.2"],
                                "routing": None,
                            }
                        ],
                        "kept": 1,
                    },
                    {
                        "service": "www.example.com",
                        "action": "add",
                        "urgency": "routine",
                        "marker": "_gslb.www.example.com",
                        "removed": [],
                        "added": [
                            {
                                "name": "www.example.com",
                                "type": "A",
                                "identifier": "x",
                                "ttl": 30,
                                "values": ["192.0.2.3"],
                                "routing": {"Weight": 1},
                            }
                        ],
                        "kept": 0,
                    },
                ],
                "obstacles": [],
                "unsaid": [],
            }
        ],
    }


def test_as_data_it_has_what_stands_in_the_way() -> None:
    unsaid = Inexpressible(RecordType.A, Feature.STICKY, "the sticky pick for everybody else")
    planned = Planned(
        "aws", "example.com.", troubles={API: Trouble("in the way", "remove it")}, unsaid={WWW: (unsaid,)}
    )
    failed = Planned("gcp", "example.com.", error=UnavailableError("refused", "start it"))
    found = view(planned, failed)
    assert found["obstacles"] == 3
    assert found["zones"][0]["obstacles"] == [
        {"service": "api.example.com", "text": "in the way", "remedy": "remove it"}
    ]
    assert found["zones"][0]["unsaid"] == [
        {"service": "www.example.com", "type": "A", "feature": "sticky", "text": "the sticky pick for everybody else"}
    ]
    assert found["zones"][1]["error"] == {"message": "refused", "remedy": "start it"}
    json.dumps(found)


def test_the_documented_shape_is_that_of_the_data() -> None:
    """Keys are those of the table in the docs, in its order; record sets have the same, whether they come or go."""
    told = DOCS.read_text().partition("`gslb plan --json`")[2].partition("\n## ")[0]
    keys = [line.split("`")[1] for line in told.splitlines() if line.startswith("| `")]
    planned = replace(
        PLANNED,
        troubles={API: Trouble("in the way")},
        unsaid={WWW: (Inexpressible(RecordType.A, Feature.GAP, "text"),)},
        error=UnavailableError("refused"),
    )
    found = paths(view(planned))
    for path in (path for path in found if ".removed[]." in path):
        assert path.replace("removed", "added") in found
    assert keys == [path for path in found if ".added[]." not in path]


def paths(value: Any, path: str = "") -> list[str]:
    """Paths of all keys: ``zones[].changes[].service``."""
    match value:
        case dict() if path.endswith("routing"):
            return []  # in the provider's own words
        case dict():
            below = {f"{path}.{name}" if path else name: member for name, member in value.items()}
            return [found for at, member in below.items() for found in (at, *paths(member, at))]
        case [first, *_]:
            return paths(first, f"{path}[]")
    return []


def test_for_people_it_says_in_lines_what_is_written() -> None:
    assert report() == [
        "as decided by the running daemon",
        "",
        "example.com at aws: 2 services to write in 2 requests",
        "  holds 7 record sets, and 2 services of ours",
        "  api.example.com",
        "    ~ A api.example.com: 192.0.2.1 -> 192.0.2.2",
        "  www.example.com",
        "    + A www.example.com x: 192.0.2.3, ttl 30, Weight 1",
        "    + TXT _gslb.www.example.com: marker",
    ]


def test_who_is_configured_no_more_is_said_to_go_with_its_marker() -> None:
    assert report(replace(PLANNED, changes=((Lane.ROUTINE, REMOVE),)))[4:] == [
        "  api.example.com is published there no more",
        "    - A api.example.com: 192.0.2.1, ttl 30",
        "    - TXT _gslb.api.example.com: marker",
    ]


def test_a_marker_alone_that_comes_or_goes_is_said() -> None:
    comes = Change(API, (), (marker(API),))
    assert report(replace(PLANNED, changes=((Lane.ROUTINE, comes),)))[-1] == "    + TXT _gslb.api.example.com: marker"


def test_where_there_is_nothing_to_write_that_is_said() -> None:
    assert report(Planned("aws", "example.com.", 1, 1))[2:] == [
        "example.com at aws: nothing to write",
        "  holds 1 record set, and 1 service of ours",
    ]


def test_thousands_are_written_as_such() -> None:
    assert report(Planned("aws", "example.com.", 12_345))[3] == "  holds 12,345 record sets, and 0 services of ours"


def test_whose_word_it_is_is_said_first() -> None:
    decided = Decided({}, Source.STORED, assumed=MANY[:2], changed=MANY[2:3], unknown=MANY[3:15], note="too old")
    text = words(decided=decided)
    assert text.startswith(
        "too old as decided last, by a daemon that does not run now "
        "as if all endpoints were up, since nothing is decided yet: s0.example.com, s1.example.com "
        "as if all endpoints were up, since the file has changed since the decision: s2.example.com "
        "left out, since only a running daemon knows their addresses: s3.example.com, "
    )
    assert "s12.example.com and 2 more example.com at aws:" in text
    assert words(decided=Decided({}, Source.NOBODY)).startswith("example.com at aws:")


def test_what_cannot_be_read_is_said_with_its_remedy() -> None:
    assert report(Planned("aws", "example.com.", error=UnavailableError("refused", "start it")))[2:] == [
        "example.com at aws: cannot be planned",
        "  ! refused",
        "    start it",
    ]


def test_the_same_of_many_services_is_said_once() -> None:
    troubles = dict.fromkeys(sorted(MANY), Trouble("refused (deletes): 1000 of 1000", "raise the limit"))
    found = report(Planned("aws", "example.com.", troubles={**troubles, API: Trouble("in the way")}))
    assert sum("refused (deletes)" in line for line in found) == 1
    assert "and 990 more: refused (deletes): 1000 of 1000" in " ".join(" ".join(found).split())
    assert found[4] == "  ! api.example.com: in the way"


def test_what_a_provider_cannot_say_is_said_by_type() -> None:
    faults = tuple(Inexpressible(kind, Feature.STICKY, "the sticky pick") for kind in (RecordType.A, RecordType.AAAA))
    text = words(Planned("aws", "example.com.", unsaid={API: faults, WWW: faults[:1]}))
    both = "! api.example.com, www.example.com: aws cannot say the sticky pick; its A answers stay as they are"
    assert f"{both} gslb check names the ways out" in text
    assert "! api.example.com: aws cannot say the sticky pick; its AAAA answers stay as they are" in text


EVIL = "\x1b[2J\u202e`x`\n```\n# *[y](z)*"


def test_words_from_outside_reach_the_terminal_as_codes_only() -> None:
    change = Change(API, (RecordSet(API, "A", (EVIL,), 30, EVIL), marker(API)), ())
    planned = replace(PLANNED, changes=((Lane.ROUTINE, change),), error=None, troubles={WWW: Trouble(EVIL, EVIL)})
    for text in (*report(planned), *plan_markdown(view(planned)).splitlines()):
        assert text.isprintable()


def test_words_from_outside_are_no_markdown() -> None:
    planned = Planned("a_b", "example.com.", troubles={API: Trouble(EVIL, EVIL)})
    text = plan_markdown(view(planned, decided=replace(BY_DAEMON, note="*loud*")))
    assert "\\*loud\\*" in text
    assert "### example.com at a\\_b" in text
    assert "\\#" in text
    assert not any(line.startswith("#") for line in text.splitlines() if not line.startswith("### example.com"))


def test_markdown_marks_what_is_changed_as_its_diffs_do() -> None:
    text = plan_markdown(view())
    assert "```diff\n! A api.example.com: 192.0.2.1 -> 192.0.2.2\n```" in text
    assert "`www.example.com`\n\n```diff\n+ A www.example.com x: 192.0.2.3, ttl 30, Weight 1\n+ TXT" in text
    failed = plan_markdown(view(Planned("aws", "example.com.", error=UnavailableError("refused", "start it"))))
    assert failed.endswith("### example.com at aws\n\ncannot be planned\n\n- **refused** start it\n")


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.sampled_from(["", "  ", "    "]))
def test_lines_that_are_folded_fit_and_lose_nothing(text: str, indent: str) -> None:
    found = [line.plain for line in folded(text, indent)]
    assert all(len(line) <= WIDTH and line.isprintable() for line in found)
    assert all(line.startswith(f"{indent}    ") for line in found[1:])
    spoken = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    assert "".join("".join(found).split()) == "".join(spoken.split())
