"""Values that cannot be: one case per mistake, each said with file, key and remedy."""

from typing import Any

import pytest

from tests.config.files import REMOVED, Files, design

SERVICE = "services/api.example.com"
AT = 'services."api.example.com"'
GATEWAY = {"listen": ["127.0.1.1:8080"], "upstreams": ["127.0.1.1:9001"]}


ADDRESSES = [
    ("127.0.1.256:8080", "is not an IP address"),
    ("127.0.1.1", "is not an address"),
    ("127.0.1.1:0", "ports go from 1 to 65535"),
    ("127.0.1.1:65536", "ports go from 1 to 65535"),
    ("2001:db8::1:8080", "brackets"),
    ("[2001:db8::g]:8080", "IPv6 address"),
    ("-gw.example.com:80", "neither an IP address nor a host name"),
    ("gw example.com:80", "neither an IP address nor a host name"),
    (":80", "neither an IP address nor a host name"),
    (8080, "should be text in quotes"),
]


@pytest.mark.parametrize(("address", "message"), ADDRESSES)
def test_an_address_that_does_not_parse_is_refused_wherever_it_stands(files: Files, address: Any, message: str) -> None:
    places = {
        "api/listen": ("api.listen", address),
        "nameserver/listen": ("nameserver.listen[1]", ["127.0.0.1:53", address]),
        "regions/istanbul/endpoints": ("regions.istanbul.endpoints[0].probe", [{"probe": address}]),
        "gateways/istanbul": ("gateways.istanbul.upstreams[0]", GATEWAY | {"upstreams": [address]}),
    }
    problems = files.problems(design({path: value for path, (_, value) in places.items()}))
    assert {problem.key for problem in problems} == {key for key, _ in places.values()}
    for problem in problems:
        assert problem.file == str(files.path)
        assert message in problem.message + problem.remedy


@pytest.mark.parametrize("address", ["203.0.113.256", "2001:db8::g", "gw.example.com", "203.0.113.7:80"])
def test_an_address_to_publish_is_an_ip_address(files: Files, address: str) -> None:
    entry = {"probe": "127.0.1.1:8080", "publish": ["192.0.2.1", address]}
    problem = files.problem(design({"regions/istanbul/endpoints": [entry]}))
    assert problem.key == "regions.istanbul.endpoints[0].publish[1]"
    assert problem.message == f"{address!r} is not an IP address"
    assert "203.0.113.7 or 2001:db8::7" in problem.remedy


VALUES = [
    # listeners
    ({"api/listen": "0.0.0.0:8053"}, "api.listen", "is not a loopback address", "use 127.0.0.1 or [::1]"),
    ({"api/listen": "localhost:8053"}, "api.listen", "is not a loopback address", "use 127.0.0.1 or [::1]"),
    ({"nameserver/listen": ["localhost:53"]}, "nameserver.listen[0]", "names a host", "write the IP address"),
    ({"nameserver/listen": []}, "nameserver.listen", "should have at least 1, not none", "expected: addresses"),
    ({"nameserver/listen": ["127.0.0.1:53", "127.0.0.1:53"]}, "nameserver", "is listed twice", "each address once"),
    (
        {"nameserver/listen": ["[::1]:53", "[::]:53"]},
        "nameserver",
        "[::]:53 takes what is sent to [::1]:53",
        "keep one",
    ),
    ({"nameserver/group": "dns"}, "nameserver", "group needs a user", "write user too"),
    ({"nameserver/user": "-x"}, "nameserver.user", "match pattern", "expected: user that"),
    (
        {"nameserver/user": "gslb", "vantages/lab": {"namespace": "lab"}},
        "vantages.lab.namespace",
        "cannot be entered by gslb",
        "remove one of them",
    ),
    ({"nameserver/workers": 0}, "nameserver.workers", "greater than or equal to 1, not 0", "expected: processes"),
    ({"nameserver/tcp": {"connections": 3}}, "nameserver.tcp.connections", "equal to 16, not 3", "expected: open at"),
    ({"nameserver/tcp": {"per_client": 0}}, "nameserver.tcp.per_client", "equal to 1, not 0", "expected: of them"),
    ({"nameserver/tcp": {"idle": "10ms"}}, "nameserver.tcp.idle", "equal to 1", "expected: time for a whole message"),
    # node
    ({"node/state": "postgres://db"}, "node.state", "not 'postgres://db'", "sqlite:///"),
    ({"node/name": "istanbul 1"}, "node.name", "not 'istanbul 1'", "expected: name of this controller"),
    ({"node/retention": "1m"}, "node.retention", "greater than or equal to 3600", "expected: how long"),
    ({"log/level": "loud"}, "log.level", "'debug', 'info', 'warning' or 'error', not 'loud'", "expected: least"),
    # regions
    ({"regions/istanbul/endpoints": []}, "regions.istanbul.endpoints", "should have at least 1, not none", "gateways"),
    ({"regions/istanbul/endpoints": REMOVED}, "regions.istanbul.endpoints", "is missing", "add it: its gateways"),
    (
        {"regions/istanbul/endpoints": ["127.0.1.1:80", "127.0.1.2:80", "127.0.1.1:80"]},
        "regions.istanbul.endpoints[2]",
        "is listed twice",
        "list each endpoint once",
    ),
    ({"regions/istanbul/endpoints": [[]]}, "regions.istanbul.endpoints[0]", "[] is no endpoint", '"host:port"'),
    (
        {"regions/istanbul/min_healthy": 2},
        "regions.istanbul.min_healthy",
        "is 2, but the region has 1 endpoints",
        "lower it",
    ),
    ({"regions/istanbul/weight": 256}, "regions.istanbul.weight", "less than or equal to 255, not 256", "share"),
    ({"regions/istanbul/capacity": 0}, "regions.istanbul.capacity", "greater than 0, not 0", "requests per second"),
    ({"regions/istanbul/capacity": float("inf")}, "regions.istanbul.capacity", "finite", "requests per second"),
    ({"regions/istanbul/location": [91, 0]}, "regions.istanbul.location[0]", "equal to 90, not 91", "latitude"),
    ({"regions/istanbul/location": [41]}, "regions.istanbul.location[1]", "is missing", "latitude and longitude"),
    ({"regions/istanbul/location": [1, 2, 3]}, "regions.istanbul.location", "at most 2, not 3", "latitude"),
    ({"regions/istanbul/location": [float("nan"), 2]}, "regions.istanbul.location[0]", "not nan", "latitude"),
    ({"regions/istanbul/areas": ["Turkey"]}, "regions.istanbul.areas[0]", "'Turkey' is not an area", "write TR-34"),
    # probes
    ({"probes/edge/type": REMOVED}, "probes.edge.type", "is missing", "add it: kind of probe"),
    ({"probes/edge/interval": "1"}, "probes.edge.interval", "'1' is not a duration", "500ms"),
    ({"probes/edge/interval": "0s"}, "probes.edge.interval", "greater than or equal to 0.001", "time between"),
    ({"probes/edge/timeout": "2s"}, "probes.edge", "timeout 2s is longer than interval 1s", "lower timeout"),
    ({"probes/edge/confirm": "2s"}, "probes.edge", "confirm 2s is longer than interval 1s", "lower confirm"),
    ({"probes/edge/fall": 0}, "probes.edge.fall", "greater than or equal to 1, not 0", "failures until"),
    ({"probes/edge/path": "healthz"}, "probes.edge.path", "not 'healthz'", "expected: what to ask for"),
    ({"probes/edge/expect": ["2xx"]}, "probes.edge.expect[0]", "'2xx' is not a status", 'write it as "200"'),
    (
        {"probes/edge/document": "gslb", "probes/edge/method": "HEAD"},
        "probes.edge",
        "a response to HEAD has no body",
        "remove what is expected of it",
    ),
    # services
    ({f"{SERVICE}/regions": REMOVED}, f"{AT}.regions", "is missing", "add it: regions"),
    ({f"{SERVICE}/regions": []}, f"{AT}.regions", "should have at least 1, not none", "expected: regions"),
    ({f"{SERVICE}/regions": ["ankara", "ankara"]}, f"{AT}.regions", "named twice", "name each once"),
    ({f"{SERVICE}/regions": [["ankara"]]}, f"{AT}.regions", "names no regions", "write a list of names"),
    ({f"{SERVICE}/regions": "ankara"}, f"{AT}.regions", "'ankara' names no regions", "write a list of names"),
    ({f"{SERVICE}/regions": {"ankara": 256}}, f"{AT}.regions.ankara", "equal to 255, not 256", "expected: regions"),
    ({f"{SERVICE}/regions": {"ankara": {}}}, f"{AT}.regions.ankara", "valid integer, not {}", "expected: regions"),
    ({f"{SERVICE}/policy": []}, f"{AT}.policy", "should have at least 1, not none", "steps"),
    ({f"{SERVICE}/ttl/steady": "1.5s"}, f"{AT}.ttl.steady", "1.5s cannot be a TTL", "write whole seconds"),
    ({f"{SERVICE}/ttl/steady": "8d"}, f"{AT}.ttl.steady", "8d cannot be a TTL", "at most 7d"),
    ({f"{SERVICE}/ttl/alert": "31s"}, f"{AT}.ttl", "alert 31s is longer than steady 30s", "lower alert"),
    ({f"{SERVICE}/ttl": "30s"}, f"{AT}.ttl", "'30s' is no TTL", 'write { steady = "30s", alert = "5s" }, or "auto"'),
    ({f"{SERVICE}/require": "most"}, f"{AT}.require", "'most' is no choice", 'write "all", "any" or a number'),
    ({f"{SERVICE}/require": 0}, f"{AT}.require", "0 is no choice", "from 1 to 100"),
    ({f"{SERVICE}/require": True}, f"{AT}.require", "True is no choice", "from 1 to 100"),
    ({f"{SERVICE}/require": 2}, f"{AT}.require", "is 2, but the service has 1 probes", "lower it, or add probes"),
    ({f"{SERVICE}/answers": 17}, f"{AT}.answers", "less than or equal to 16, not 17", "most addresses"),
    ({f"{SERVICE}/when_all_down": "none"}, f"{AT}.when_all_down", "'none' is no choice", "write one of 'all'"),
    ({f"{SERVICE}/when_all_down": "fallback"}, f"{AT}.when_all_down", "is no choice", "fallback = "),
    ({f"{SERVICE}/when_all_down": {"fall": "x"}}, f"{AT}.when_all_down", "is no choice", "fallback = "),
    ({f"{SERVICE}/when_all_down": {"fallback": 5}}, f"{AT}.when_all_down.fallback", "not 5", "the region that"),
    # zones
    ({"zones/example.com/nameservers": REMOVED}, 'zones."example.com".nameservers', "no SOA or NS", "nameservers = {"),
    (
        {"zones/example.com/nameservers": {"ns1.example.com.": []}},
        'zones."example.com".nameservers."ns1.example.com."',
        "has no address",
        "write its addresses",
    ),
    (
        {"zones/example.com/nameservers": {"ns1.example.net.": ["192.0.2.53"]}},
        'zones."example.com".nameservers."ns1.example.net."',
        "is outside of the zone",
        "write []",
    ),
    ({"zones/example.com/ttl": "500ms"}, 'zones."example.com".ttl', "500ms cannot be a TTL", "write whole seconds"),
    # gateways
    (
        {"gateways/istanbul": GATEWAY | {"listen": ["gw.example.com:80"]}},
        "gateways.istanbul.listen[0]",
        "names a host",
        "write the IP",
    ),
    (
        {"gateways/istanbul": GATEWAY | {"metrics_allow": ["10.0.0.1/8"]}},
        "gateways.istanbul.metrics_allow[0]",
        "has host bits set",
        "192.0.2.0/24",
    ),
]


@pytest.mark.parametrize(("changes", "key", "message", "remedy"), VALUES)
def test_a_value_that_cannot_be_is_refused(
    files: Files, changes: dict[str, Any], key: str, message: str, remedy: str
) -> None:
    problem = files.problem(design(changes))
    assert (problem.file, problem.key) == (str(files.path), key)
    assert message in problem.message
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("path", "value", "key", "faulty"),
    [
        ("node", 5, "node", "5"),
        ("node/name", 5, "node.name", "5"),
        ("node/journal", [], "node.journal", "[]"),
        ("api", [{"listen": "127.0.0.1:1"}], "api", "[{'listen': '127.0.0.1:1'}]"),
        ("nameserver/listen", "127.0.0.1:53", "nameserver.listen", "'127.0.0.1:53'"),
        ("nameserver/workers", "2", "nameserver.workers", "'2'"),
        ("nameserver/workers", 2.0, "nameserver.workers", "2.0"),
        ("nameserver/workers", True, "nameserver.workers", "True"),
        ("log/format", {}, "log.format", "{}"),
        ("zones/example.com/providers", "embedded", 'zones."example.com".providers', "'embedded'"),
        (
            "zones/example.com/nameservers",
            ["ns1.example.com."],
            'zones."example.com".nameservers',
            "['ns1.example.com.']",
        ),
        ("zones/example.com/file", 5, 'zones."example.com".file', "5"),
        ("regions/istanbul/weight", "60", "regions.istanbul.weight", "'60'"),
        ("regions/istanbul/capacity", "2000", "regions.istanbul.capacity", "'2000'"),
        ("regions/istanbul/capacity", True, "regions.istanbul.capacity", "True"),
        ("regions/istanbul/location", "41,29", "regions.istanbul.location", "'41,29'"),
        ("regions/istanbul/location", [True, 29], "regions.istanbul.location[0]", "True"),
        ("regions/istanbul/endpoints", "127.0.1.1:80", "regions.istanbul.endpoints", "'127.0.1.1:80'"),
        (
            "regions/istanbul/endpoints",
            {"probe": "127.0.1.1:80"},
            "regions.istanbul.endpoints",
            "{'probe': '127.0.1.1:80'}",
        ),
        ("regions/istanbul/areas", "TR", "regions.istanbul.areas", "'TR'"),
        ("regions/istanbul/areas", [34], "regions.istanbul.areas[0]", "34"),
        ("probes/edge/type", {}, "probes.edge.type", "{}"),
        ("probes/edge/interval", 1, "probes.edge.interval", "1"),
        ("probes/edge/fall", "3", "probes.edge.fall", "'3'"),
        ("probes/edge/expect", "200", "probes.edge.expect", "'200'"),
        ("probes/edge/path", ["/"], "probes.edge.path", "['/']"),
        (f"{SERVICE}/probes", "edge", f"{AT}.probes", "'edge'"),
        (f"{SERVICE}/policy", "weighted", f"{AT}.policy", "'weighted'"),
        (f"{SERVICE}/policy", [5], f"{AT}.policy[0]", "5"),
        (f"{SERVICE}/policy", [{"type": 5}], f"{AT}.policy[0].type", "5"),
        (f"{SERVICE}/rto", 45, f"{AT}.rto", "45"),
        (f"{SERVICE}/hold", [], f"{AT}.hold", "[]"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_and_shown(
    files: Files, path: str, value: Any, key: str, faulty: str
) -> None:
    problem = files.problem(design({path: value}))
    assert problem.key == key
    assert faulty in problem.message


def test_a_faulty_value_that_fills_the_screen_is_cut(files: Files) -> None:
    problem = files.problem(design({f"{SERVICE}/answers": ["x" * 100] * 100}))
    assert len(str(problem)) < 300 + len(str(files.path))


def test_regions_may_speak_for_the_same_area(files: Files) -> None:
    assert files.load(design({"regions/ankara/areas": ["TR", "TR-34"]})).topology.services
