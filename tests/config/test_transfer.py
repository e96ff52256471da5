"""[keys] and transfer in [zones]: nobody may transfer a zone who is not let, and secrets stay out of the file."""

import base64
from typing import Any

import pytest
from rich.console import Console

from gslb.cli.check import report
from gslb.config.load import load
from gslb.config.sources import Sources
from gslb.nameserver.content import serial_of
from gslb.nameserver.transfer.access import NOBODY, Transfer, TsigKey
from tests.config.files import Files, Table, design

SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ENVIRONMENT = {"XFR_SECRET": SECRET}
KEY = {"algorithm": "hmac-sha512", "secret": "${XFR_SECRET}"}
ALL = {"allow": ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"], "keys": ["xfr"], "notify": ["192.0.2.7:53"]}


def with_transfer(transfer: Any, keys: Any = None) -> Table:
    return design({"zones/example.com/transfer": transfer, "keys": {"xfr": KEY} if keys is None else keys})


def test_nobody_may_transfer_a_zone_by_default(files: Files) -> None:
    assert files.load(design()).zones[0].transfer == NOBODY


def test_who_may_and_who_is_told(files: Files) -> None:
    (zone,) = files.load(with_transfer({**ALL, "notify_key": "XFR"}), ENVIRONMENT).zones
    key = TsigKey("xfr.", "hmac-sha512", SECRET)
    networks = ("192.0.2.7/32", "10.0.0.0/8", "2001:db8::/32")
    assert zone.transfer == Transfer(networks, (key,), ("192.0.2.7:53",), key)


def test_a_secret_may_be_in_a_file_beside_the_configuration(files: Files) -> None:
    (files.folder / "xfr.secret").write_text(f"{SECRET}\n")
    (zone,) = files.load(with_transfer({"keys": ["a.b"]}, {"a.b": {"secret_file": "xfr.secret"}})).zones
    assert zone.transfer.keys == (TsigKey("a.b.", "hmac-sha256", SECRET),)


def test_an_address_that_is_not_one_of_a_network_names_the_key(files: Files) -> None:
    problem = files.problem(with_transfer({"allow": ["192.0.2.7/8"]}), ENVIRONMENT)
    assert problem.key == 'zones."example.com".transfer.allow[0]'


@pytest.mark.parametrize(
    ("transfer", "key", "words"),
    [
        ({"keys": ["xfer"]}, "keys[0]", "no key 'xfer'"),
        ({"notify": ["192.0.2.7:53"], "notify_key": "other"}, "notify_key", "no key 'other'"),
        ({"notify_key": "xfr"}, "notify_key", "of no use without notify"),
        ({"notify": ["secondary.example.net:53"]}, "notify[0]", "names a host"),
        ({"notify": ["192.0.2.7"]}, "notify[0]", "not an address"),
        ({"allow": [5]}, "allow[0]", "text in quotes"),
        ({"allow": ["everybody"]}, "allow[0]", "no address and no network"),
        ({"allowed": []}, "allowed", "unknown key"),
    ],
)
def test_what_makes_no_sense_names_key_and_remedy(files: Files, transfer: Table, key: str, words: str) -> None:
    (problem,) = files.problems(with_transfer(transfer), ENVIRONMENT)
    assert problem.key == f'zones."example.com".transfer.{key}'
    assert words in problem.message


def test_an_unknown_key_is_suggested_the_nearest_one(files: Files) -> None:
    assert "'xfr'" in files.problem(with_transfer({"keys": ["xfer"]}), ENVIRONMENT).remedy


@pytest.mark.parametrize(
    ("table", "at", "words"),
    [
        ({"secret": SECRET}, ".secret", "stands in the file itself"),
        ({"secret": "${SHORT}"}, "", "has 3 bytes"),
        ({"secret": "${BAD}"}, "", "is no base64"),
        ({}, "", "has to have one of"),
        ({"secret": "${XFR_SECRET}", "secret_file": "x"}, "", "has to have one of"),
        ({"secret_file": "nowhere"}, ".secret_file", "cannot be used: No such file"),
        ({"secret_file": "short"}, ".secret_file", "has 3 bytes"),
        ({"secret": "${XFR_SECRET}", "algorithm": "hmac-md5"}, ".algorithm", "hmac-sha256"),
    ],
)
def test_a_key_that_cannot_be_says_why_without_its_secret(files: Files, table: Table, at: str, words: str) -> None:
    (files.folder / "short").write_text(base64.b64encode(b"abc").decode())
    environment = {**ENVIRONMENT, "SHORT": base64.b64encode(b"abc").decode(), "BAD": "hunter2!"}
    (problem,) = files.problems(with_transfer({"keys": ["xfr"]}, {"xfr": table}), environment)
    assert problem.key == f"keys.xfr{at}"
    assert words in problem.message
    for secret in (SECRET, *environment.values()):
        assert secret not in str(problem)


def test_a_name_that_is_none_and_one_that_is_there_twice_are_faults(files: Files) -> None:
    assert files.problem(with_transfer({}, {"a..b": KEY}), ENVIRONMENT).key == 'keys."a..b"'
    assert "another key" in files.problem(with_transfer({}, {"xfr": KEY, "xfr.": KEY}), ENVIRONMENT).message


def test_check_does_not_show_the_secret(files: Files) -> None:
    console = Console(width=1000)
    configuration = files.load(with_transfer(ALL), ENVIRONMENT)
    with console.capture() as capture:
        console.print(report(configuration))
    assert SECRET not in capture.get()
    assert "hmac-sha512" in capture.get()
    assert SECRET not in repr(configuration)


def test_an_accepted_configuration_whose_secret_is_gone_starts_and_lets_nobody_sign(files: Files) -> None:
    path = files.folder / "xfr.secret"
    path.write_text(SECRET)
    accepted = files.load(with_transfer({"keys": ["xfr"]}, {"xfr": {"secret_file": "xfr.secret"}}))
    path.unlink()
    again = load(files.path, {}, Sources(accepted.sources))
    (key,) = again.zones[0].transfer.keys
    assert (key.name, key.secret != SECRET) == ("xfr.", True)


def test_a_zone_without_a_file_is_the_same_whenever_it_is_loaded(files: Files) -> None:
    (zone,) = files.load(design()).zones
    assert files.load(design()).zones == (zone,)
    assert serial_of(zone) == 1
