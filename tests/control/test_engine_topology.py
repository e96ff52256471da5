"""What reloads, host names and the loss of everything do to decisions."""

from ipaddress import ip_address

from gslb.model.steering import NoAnswer
from gslb.model.topology import AllDown
from tests.control.bench import ANKARA, API, ISTANBUL, SHOP, Bench, key, service, topology

BOTH = {"192.0.2.1": 0.5, "192.0.2.2": 0.5}
ONLY_ANKARA = {"192.0.2.2": 1.0}


# Configuration


def test_a_reload_keeps_what_the_checks_have_shown() -> None:
    bench = Bench().both_up()
    bench.down(ISTANBUL, 1.0)
    bench.configure(topology(service(answers=1)), 5.0)
    assert bench.answers() == ONLY_ANKARA
    assert bench.told.triggers[-1] == "configuration"


def test_a_reload_that_changes_nothing_tells_nothing() -> None:
    bench = Bench().both_up()
    bench.configure(topology(), 5.0)
    assert len(bench.told.changes) == 1


def test_a_service_that_is_no_longer_configured_is_dropped_with_its_checks() -> None:
    bench = Bench(service(), service(SHOP, regions=("ankara",))).both_up()
    bench.configure(topology(service(SHOP, regions=("ankara",))), 5.0)
    assert list(bench.engine.decisions) == [SHOP]
    assert list(bench.engine.checks) == [key(ANKARA)]


def test_a_new_endpoint_of_a_decided_service_answers_once_it_has_passed() -> None:
    bench = Bench().both_up()
    more = {"istanbul": [ISTANBUL], "ankara": [ANKARA, "192.0.2.3:80"]}
    bench.configure(topology(regions=more), 5.0)
    assert bench.answers() == BOTH
    bench.up("192.0.2.3:80", 6.0)
    assert bench.answers() == {"192.0.2.1": 0.5, "192.0.2.2": 0.5, "192.0.2.3": 0.5}


# Host names

NAMED = {"istanbul": ["gw.example.net:80"], "ankara": [ANKARA]}


def named() -> Bench:
    bench = Bench(regions=NAMED).start()
    bench.up("gw.example.net:80", 0.0)
    bench.up(ANKARA, 0.0)
    return bench


def test_a_host_name_answers_once_it_is_resolved() -> None:
    bench = named()
    assert bench.answers() == ONLY_ANKARA
    bench.hosts.found["gw.example.net"] = ip_address("192.0.2.7")
    bench.engine.resolved("gw.example.net", 1.0)
    assert bench.answers() == {"192.0.2.7": 0.5, "192.0.2.2": 0.5}
    assert bench.told.triggers[-1] == "gw.example.net has a new address"


def test_a_host_name_keeps_its_last_address_whatever_else_is_decided() -> None:
    bench = named()
    bench.hosts.found["gw.example.net"] = ip_address("192.0.2.7")
    bench.engine.resolved("gw.example.net", 1.0)
    bench.down(ANKARA, 2.0)
    assert bench.answers() == {"192.0.2.7": 1.0}


def test_published_addresses_need_no_resolution() -> None:
    bench = Bench(regions=NAMED, publish=("203.0.113.7", "2001:db8::7")).start()
    bench.up("gw.example.net:80", 0.0)
    bench.up(ANKARA, 0.0)
    assert bench.answers() == {"203.0.113.7": 1.0}


# All down


def all_down(mode: AllDown) -> Bench:
    bench = Bench(service(when_all_down=mode)).both_up()
    bench.down(ISTANBUL, 1.0)
    bench.down(ANKARA, 2.0)
    return bench


def test_last_good_answers_as_when_something_was_last_fit() -> None:
    bench = all_down(AllDown.LAST_GOOD)
    assert bench.answers() == ONLY_ANKARA
    assert not bench.engine.decisions[API].good
    bench.down(ANKARA, 10.0, times=30)
    assert bench.answers() == ONLY_ANKARA


def test_all_answers_with_everything() -> None:
    assert all_down(AllDown.ALL).answers() == BOTH


def test_servfail_answers_with_nothing() -> None:
    bench = all_down(AllDown.SERVFAIL)
    assert bench.answers() == {}
    assert bench.engine.decisions[API].steering.rules[-1].no_answer is NoAnswer.SERVFAIL


def test_an_endpoint_that_comes_back_is_used_though_its_hold_is_not_over() -> None:
    bench = all_down(AllDown.SERVFAIL)
    bench.up(ANKARA, 5.0, times=3)
    assert bench.answers() == ONLY_ANKARA
