"""gslb plan reads, and says what writers do, at either cloud, by whoever's decision there is, and writes nothing."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gslb.model.steering import Pick, Rule
from tests.cli.clouds import ANKARA, BOTH, ISTANBUL, Aws, Cloud, Site, View, actions, answer, gslb, silence
from tests.config.files import REMOVED, Table, design, to_toml
from tests.fakes.route53.faults import throttled
from tests.nameserver.support import group, service
from tests.waiting import eventually, free_port

MANY = 3_000


def records(views: list[View]) -> set[str]:
    return {json.dumps(view, sort_keys=True) for view in views}


def after(before: list[View], plan: View) -> set[str]:
    """What a zone holds once all of a plan is written; what is to be removed is there."""
    left = records(before)
    for change in (change for zone in plan["zones"] for change in zone["changes"]):
        assert records(change["removed"]) <= left
        left = left - records(change["removed"]) | records(change["added"])
    return left


Step = Callable[[Site], object]
STEPS: list[tuple[Step, dict[str, str]]] = [
    (lambda site: site.write(api={}, www={}), {"api": "add", "www": "add"}),
    (lambda site: site.write(api=BOTH, www={}), {"api": "change"}),
    (lambda site: site.write(api=BOTH, www={"ttl": {"steady": "60s", "alert": "10s"}}), {"www": "change"}),
    (lambda site: site.write(api=BOTH, www={}, new={"regions": ["ankara"]}), {"www": "change", "new": "add"}),
    (lambda site: site.write(api=BOTH, new={"regions": ["ankara"]}), {"www": "remove"}),
    (lambda site: site.write(api={}, **{"*": {}}), {"api": "change", "*": "add", "new": "remove"}),
    (lambda site: site.decide(answer(site, (40, ANKARA))), {"api": "change"}),
    (lambda site: site.decide(service(f"{site.api}.")), {"api": "change"}),  # NODATA
    (lambda site: site.decide(answer(site, (1, ISTANBUL), (1, ANKARA), (1, "127.0.3.1"))), {"api": "change"}),
]


def test_what_is_planned_is_what_writers_write_and_then_there_is_nothing_to_write(site: Site) -> None:
    site.cloud.put(site.origin, "mail", "198.51.100.1")
    site.cloud.put(site.origin, "api", '"v=spf1 -all"', "TXT")
    for step, expected in STEPS:
        step(site)
        before, writes = site.views(), Counter(site.cloud.writes)
        code, plan = site.planned()
        assert (code, actions(plan)) == (2, expected)
        assert Counter(site.cloud.writes) == writes
        site.published()
        assert records(site.views()) == after(before, plan)
        planned = plan["zones"][0]["requests"]
        renewed = 1  # request, at most, for the markers of all the rest: it is another lease
        assert planned <= (Counter(site.cloud.writes) - writes).total() <= planned + renewed
        code, again = site.planned()
        assert (code, again["changes"]) == (0, 0)


def test_it_writes_nothing_and_makes_no_state(site: Site) -> None:
    writes, there = Counter(site.cloud.writes), {*site.file.parent.iterdir()}
    assert site.plan().code == 2
    assert Counter(site.cloud.writes) == writes
    assert {*site.file.parent.iterdir()} == there


def test_it_says_what_is_to_be_written_at_route_53(aws: Cloud, tmp_path: Path) -> None:
    site = Site(aws, tmp_path / "gslb.toml", "plain.example.com")
    assert site.plan().out.splitlines() == [
        "as if all endpoints were up, since nothing is decided yet: api.plain.example.com",
        "",
        "plain.example.com at cloud: 1 service to write in 1 request",
        "  holds 2 record sets, and 0 services of ours",
        "  api.plain.example.com",
        "    + A api.plain.example.com ankara: 127.0.2.1, ttl 30, Weight 40",
        "    + A api.plain.example.com istanbul: 127.0.1.1, ttl 30, Weight 60",
        "    + TXT _gslb.api.plain.example.com: marker",
    ]
    site.published()
    site.decide(answer(site, (10, ISTANBUL)))
    assert site.plan().out.splitlines() == [
        "as decided last, by a daemon that does not run now",
        "",
        "plain.example.com at cloud: 1 service to write in 1 request",
        "  holds 5 record sets, and 1 service of ours",
        "  api.plain.example.com",
        "    + A api.plain.example.com: 127.0.1.1, ttl 30",
        "    - A api.plain.example.com ankara: 127.0.2.1, ttl 30, Weight 40",
        "    - A api.plain.example.com istanbul: 127.0.1.1, ttl 30, Weight 60",
    ]


def test_it_says_what_is_to_be_written_at_cloud_dns(google: Cloud, tmp_path: Path) -> None:
    site = Site(google, tmp_path / "gslb.toml", "plain.example.com")
    assert site.plan().out.splitlines()[4:] == [
        "  api.plain.example.com",
        "    + A api.plain.example.com: ttl 30, routingPolicy.wrr.items",
        "    +     127.0.1.1: weight 60",
        "    +     127.0.2.1: weight 40",
        "    + TXT _gslb.api.plain.example.com: marker",
    ]
    site.published()
    site.decide(answer(site, (60, ISTANBUL), (10, ANKARA)))
    assert site.plan().out.splitlines()[4:] == [
        "  api.plain.example.com",
        "    ~ A api.plain.example.com: routingPolicy.wrr.items",
        "    -     127.0.2.1: weight 40",
        "    +     127.0.2.1: weight 10",
    ]
    site.write(new={})
    assert site.plan().out.splitlines()[4:] == [
        "  new.plain.example.com",
        "    + A new.plain.example.com: ttl 30, routingPolicy.wrr.items",
        "    +     127.0.1.1: weight 60",
        "    +     127.0.2.1: weight 40",
        "    + TXT _gslb.new.plain.example.com: marker",
        "  api.plain.example.com is published there no more",
        "    - A api.plain.example.com: ttl 30, routingPolicy.wrr.items",
        "    -     127.0.1.1: weight 60",
        "    -     127.0.2.1: weight 40",
        "    - TXT _gslb.api.plain.example.com: marker",
    ]


def test_what_others_have_in_the_way_is_an_error_beside_what_can_be_written(site: Site) -> None:
    site.cloud.put(site.origin, "api", "198.51.100.9")
    site.write(api={}, www={})
    ended = site.plan()
    assert ended.code == 1
    assert "    + TXT _gslb.www." in ended.out
    assert " ".join(ended.out.split()).endswith(
        f"! {site.api}: record sets in the way belong to nobody that is known: {site.api}. A "
        f"remove them, or run gslb adopt CONFIG {site.api} --provider cloud"
    )


def test_what_a_provider_cannot_say_is_an_error_and_stays_as_it_is(site: Site) -> None:
    """A step of another distribution may have decided so; a configuration like that is refused."""
    site.published()
    groups = group("istanbul", ISTANBUL), group("ankara", ANKARA)
    sticky = service(f"{site.api}.")
    site.decide(msgspec.structs.replace(sticky, rules=(Rule(None, groups, Pick.STICKY),)))
    code, plan = site.planned()
    assert (code, plan["changes"], plan["obstacles"]) == (1, 0, 1)
    (unsaid,) = plan["zones"][0]["unsaid"]
    assert unsaid == {
        "service": site.api,
        "type": "A",
        "feature": "sticky",
        "text": "the sticky pick for everybody else",
    }
    assert "gslb check names the ways out" in site.plan().out


def test_of_thousands_of_record_sets_only_ours_are_planned_for(site: Site) -> None:
    site.cloud.fill(site.origin, MANY)
    site.write(api={}, www={})
    code, plan = site.planned()
    assert (code, plan["changes"], plan["zones"][0]["record_sets"]) == (2, 2, MANY + 2)


def test_networks_are_planned_for_without_making_collections_of_them(aws: Aws, tmp_path: Path) -> None:
    site = Site(aws, tmp_path / "gslb.toml")
    networks = {
        "regions/istanbul/areas": ["192.0.2.0/24"],
        "regions/ankara/areas": ["198.51.100.0/24"],
    }

    def write(policy: list[str], **areas: list[str]) -> None:
        site.write(networks | {f"regions/{name}/areas": each for name, each in areas.items()}, api={"policy": policy})

    for policy, areas in (
        (["geo", "weighted"], {}),
        (["geo", "weighted"], {"ankara": ["203.0.113.0/24"]}),
        (["weighted"], {}),
    ):
        write(policy, **areas)
        before, writes = site.views(), Counter(aws.writes)
        code, plan = site.planned()
        assert (code, plan["changes"]) == (2, 1)
        assert Counter(aws.writes) == writes
        site.published()
        assert records(site.views()) == after(before, plan)
        assert site.planned()[0] == 0
    assert {"CreateCidrCollection", "ChangeCidrCollection"} <= {*aws.writes}


def test_one_provider_that_cannot_be_reached_is_nothing_to_others(site: Site) -> None:
    away = {"type": "route53", "endpoint": f"http://127.0.0.1:{free_port()}"}
    zones = {site.origin: {"providers": ["cloud", "away"]}, "example.org": {"providers": ["away"]}}
    site.write({"providers/away": away, "zones": zones})
    code, plan = site.planned()
    assert (code, plan["changes"], plan["obstacles"]) == (1, 1, 2)
    ended = site.plan()
    assert f"{site.origin} at away: cannot be planned" in ended.out
    assert f"{site.origin} at cloud: 1 service to write" in ended.out
    assert "example.org at away: cannot be planned" in ended.out
    assert site.plan("--provider", "cloud").code == 2


def test_credentials_that_are_not_there_are_named_with_a_remedy(
    aws: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    site = Site(aws, tmp_path / "gslb.toml")
    ended = site.plan()
    assert ended.code == 1
    assert "credentials" in ended.out
    assert "where the AWS SDK looks for them" in " ".join(ended.out.split())


def test_a_zone_that_is_not_there_is_named(site: Site) -> None:
    site.write({"zones": {site.origin: {"providers": ["cloud"]}, "nowhere.example": {"providers": ["cloud"]}}})
    ended = site.plan()
    assert ended.code == 1
    assert "nowhere.example at cloud: cannot be planned\n  ! " in ended.out
    assert f"{site.origin} at cloud: 1 service to write" in ended.out


def test_requests_that_were_too_many_are_made_again(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.control.visiting.PAUSES", (0.01, 0.01))
    site = Site(aws, tmp_path / "gslb.toml")
    for nth in (1, 2):
        aws.fake.faults.add(throttled(), "ListResourceRecordSets", nth=nth)
    asked = aws.fake.count("ListResourceRecordSets")
    assert site.plan().code == 2
    assert aws.fake.count("ListResourceRecordSets") - asked == 3


def test_markdown_has_a_section_for_each_zone_with_diffs(aws: Cloud, tmp_path: Path) -> None:
    site = Site(aws, tmp_path / "gslb.toml", "marked.example.com")
    site.cloud.put(site.origin, "www", "198.51.100.9")
    site.write(api={}, www={})
    ended = site.plan("--markdown")
    obstacle = (
        "www.marked.example.com: record sets in the way belong to nobody that is known: www.marked.example.com. A"
    )
    remedy = "remove them, or run gslb adopt CONFIG www.marked.example.com --provider cloud"
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "as if all endpoints were up, since nothing is decided yet: api.marked.example.com, www.marked.example.com",
        "",
        "### marked.example.com at cloud",
        "",
        "1 service to write in 1 request; it holds 3 record sets, and 0 services of ours",
        "",
        "`api.marked.example.com`",
        "",
        "```diff",
        "+ A api.marked.example.com ankara: 127.0.2.1, ttl 30, Weight 40",
        "+ A api.marked.example.com istanbul: 127.0.1.1, ttl 30, Weight 60",
        "+ TXT _gslb.api.marked.example.com: marker",
        "```",
        "",
        f"- **{obstacle}** {remedy}",
        "",
    ]


def test_json_and_markdown_are_one_too_many(site: Site) -> None:
    ended = site.plan("--json", "--markdown")
    assert (ended.code, ended.err) == (1, "--json and --markdown: choose one of them\n")


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("clod", "no provider 'clod'\n    did you mean 'cloud'?\n"),
        ("aws", "no provider 'aws'\n    known: cloud\n"),
        ("embedded", "the embedded nameserver is told what to answer, and nothing is planned\n    see gslb explain\n"),
    ],
)
def test_a_provider_that_is_not_there_is_an_error(site: Site, provider: str, said: str) -> None:
    ended = site.plan("--provider", provider)
    assert (ended.code, ended.err) == (1, said)


def test_where_nothing_is_published_at_a_provider_nothing_is_to_be_written(tmp_path: Path) -> None:
    file = tmp_path / "gslb.toml"
    file.write_text(to_toml(design()))
    ended = gslb("plan", file)
    assert (ended.code, ended.out) == (0, "no zone is published at an API provider: there is nothing to write\n")
    ended = gslb("plan", file, "--json")
    assert (ended.code, json.loads(ended.out)["zones"]) == (0, [])


def test_a_file_with_faults_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "gslb.toml"
    file.write_text("[node]\nname = 5\n")
    ended = gslb("plan", file)
    assert (ended.code, ended.out) == (1, "")
    assert "node.name" in ended.err


def test_it_is_coloured_on_a_terminal_unless_nobody_wants_that(
    google: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, green = Site(google, tmp_path / "gslb.toml"), "\x1b[32m    + A "
    assert green not in gslb("plan", site.file).out
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert green in gslb("plan", site.file).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in gslb("plan", site.file).out


@pytest.mark.parametrize("kind", ["route53", "clouddns"])
def test_it_can_be_interrupted_while_a_provider_hangs(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "gslb.toml"
    with silence() as (url, asked):
        options = {"endpoint": url} | ({"anonymous": True, "project": "p"} if kind == "clouddns" else {})
        changes: Table = {
            "providers": {"cloud": {"type": kind, **options}},
            "zones": {"example.com": {"providers": ["cloud"]}},
            "services/api.example.com/ttl": {"steady": "30s", "alert": "10s"},
            "services/api.example.com/rto": REMOVED,
        }
        file.write_text(to_toml(design(changes)))
        command = [sys.executable, "-m", "gslb", "plan", str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            eventually(asked)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=5)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
