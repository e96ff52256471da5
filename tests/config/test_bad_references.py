"""Keys that nobody knows and names of what does not exist: refused, with the nearest one that does."""

from typing import Any

import pytest

from gslb.config.load import SECTIONS
from tests.config.files import Files, design

SERVICE = "services/api.example.com"
AT = 'services."api.example.com"'
GATEWAY = {"listen": ["127.0.1.1:8080"], "upstreams": ["127.0.1.1:9001"]}


UNKNOWN = [
    ("nod", "nod", "did you mean 'node'?"),
    (
        "blackbox",
        "blackbox",
        f"known: {', '.join(sorted(SECTIONS))}",
    ),
    ("node/nme", "node.nme", "did you mean 'name'?"),
    ("node/journal/max_agee", "node.journal.max_agee", "did you mean 'max_age'?"),
    ("api/lisen", "api.lisen", "did you mean 'listen'?"),
    ("nameserver/worker", "nameserver.worker", "did you mean 'workers'?"),
    ("log/levl", "log.levl", "did you mean 'level'?"),
    ("zones/example.com/provider", 'zones."example.com".provider', "did you mean 'providers'?"),
    ("regions/istanbul/wieght", "regions.istanbul.wieght", "did you mean 'weight'?"),
    ("probes/edge/intervall", "probes.edge.intervall", "did you mean 'interval'?"),
    ("probes/edge/pth", "probes.edge.pth", "did you mean 'path'?"),
    ("probes/edge/time out", 'probes.edge."time out"', "did you mean 'timeout'?"),
    (f"{SERVICE}/probe", f"{AT}.probe", "did you mean 'probes'?"),
    (f"{SERVICE}/ttl/stedy", f"{AT}.ttl.stedy", "did you mean 'steady'?"),
    ("gateways/istanbul/upstream", "gateways.istanbul.upstream", "did you mean 'upstreams'?"),
]


@pytest.mark.parametrize(("path", "key", "remedy"), UNKNOWN)
def test_an_unknown_key_is_refused_and_the_nearest_one_named(files: Files, path: str, key: str, remedy: str) -> None:
    gateway = {"gateways/istanbul": dict(GATEWAY)} if path.startswith("gateways") else {}
    problem = files.problem(design(gateway | {path: 1}))
    assert (problem.file, problem.key, problem.remedy) == (str(files.path), key, remedy)
    assert problem.message in ("unknown key", "unknown section")


def test_an_unknown_key_of_an_endpoint_or_a_step_is_found_within_the_list(files: Files) -> None:
    endpoint = {"probe": "127.0.1.1:8080", "publsh": ["192.0.2.1"]}
    problems = files.problems(
        design({"regions/istanbul/endpoints": [endpoint], f"{SERVICE}/policy": [{"type": "weighted", "base": 1}]})
    )
    assert [(problem.key, problem.message, problem.remedy) for problem in problems] == [
        ("regions.istanbul.endpoints[0].publsh", "unknown key", "did you mean 'publish'?"),
        (f"{AT}.policy[0].base", "unknown key", "remove it"),
    ]


REFERENCES = [
    ({"probes/edge/type": "htp"}, "probes.edge.type", "'htp': no probe of this type", "did you mean 'http'?"),
    ({"probes/edge/type": "snmp"}, "probes.edge.type", "'snmp': no probe of this type", "known: dns, exec, grpc"),
    ({f"{SERVICE}/policy": ["weigted"]}, f"{AT}.policy[0]", "no policy of this type", "did you mean 'weighted'?"),
    ({f"{SERVICE}/policy": [{"kind": "x"}]}, f"{AT}.policy[0].type", "is missing", "known: canary, capacity"),
    (
        {f"{SERVICE}/regions": ["istanbul", "ankra"]},
        f"{AT}.regions",
        "no region 'ankra'",
        "define [regions.ankra], or: did you mean 'ankara'?",
    ),
    ({f"{SERVICE}/probes": ["egde"]}, f"{AT}.probes", "no probe 'egde'", "did you mean 'edge'?"),
    (
        {f"{SERVICE}/when_all_down": {"fallback": "izmir"}},
        f"{AT}.when_all_down.fallback",
        "no region 'izmir'",
        "define",
    ),
    ({"zones/example.com/providers": ["route54"]}, 'zones."example.com".providers', "no provider", "known: embedded"),
    (
        {"providers/aws-main": {"type": "embeded"}, "zones/example.com": {"providers": ["aws-main"]}},
        "providers.aws-main.type",
        "'embeded': no provider of this type",
        "known: clouddns, route53",
    ),
    ({"providers/own": {"type": "embedded"}}, "providers.own", "needs no section", "remove this section"),
    ({"providers/embedded": {"type": "x"}}, "providers.embedded", "needs no section", "remove this section"),
    ({"gateways/ankra": GATEWAY}, "gateways.ankra", "no region 'ankra'", "did you mean 'ankara'?"),
    ({"services/api.example.org": {"regions": ["ankara"]}}, 'services."api.example.org"', "is in no zone", "[zones]"),
    ({"services/myexample.com": {"regions": ["ankara"]}}, 'services."myexample.com"', "is in no zone", "[zones]"),
]
NAMES = [
    ({"regions/Izmir": {"endpoints": ["127.0.3.1:80"]}}, "regions.Izmir", "cannot be a name", "use lower-case letters"),
    ({"probes/a b": {"type": "tcp"}}, 'probes."a b"', "cannot be a name", "use lower-case letters"),
    ({"services/a.*.example.com": {"regions": ["ankara"]}}, 'services."a.*.example.com"', "no wildcard", "first label"),
    ({"services/a*.example.com": {"regions": ["ankara"]}}, 'services."a*.example.com"', "no wildcard", "first label"),
    ({"zones/*.example.org": {}}, 'zones."*.example.org"', "cannot be used", "a full name"),
    ({"services/a..example.com": {"regions": ["ankara"]}}, 'services."a..example.com"', "is not a DNS name", "write"),
    ({"zones/a..b": {}}, 'zones."a..b"', "is not a DNS name", "write one such as"),
    ({"zones/.": {}}, 'zones."."', "cannot be used here", "write a full name"),
    (
        {"services/API.example.com.": {"regions": ["ankara"]}},
        'services."API.example.com."',
        "is the name of another service too",
        "keep one",
    ),
    (
        {"zones/Example.COM.": {"nameservers": {"ns1.example.com": ["192.0.2.1"]}}},
        'zones."Example.COM."',
        "is the name of another zone too",
        "keep one of them",
    ),
    (
        {"zones/example.com/nameservers": {"ns..1": []}},
        'zones."example.com".nameservers."ns..1"',
        "is not a DNS name",
        "write one such as",
    ),
]


@pytest.mark.parametrize(("changes", "key", "message", "remedy"), REFERENCES + NAMES)
def test_what_refers_to_nothing_or_has_no_usable_name_is_refused(
    files: Files, changes: dict[str, Any], key: str, message: str, remedy: str
) -> None:
    problem = files.problem(design(changes))
    assert (problem.file, problem.key) == (str(files.path), key)
    assert message in problem.message
    assert remedy in problem.remedy
