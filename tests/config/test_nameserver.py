"""[nameserver]: what of it goes to the nameserver with each snapshot."""

from pathlib import Path
from typing import Any

import pytest

from gslb.cli.cookies import FILE, own_cookie_secret
from gslb.nameserver.settings import QueryLog, RateLimit, Settings
from tests.config.files import Files, design

SECRET, OTHER = "00112233445566778899aabbccddeeff", "FF" * 16


def test_by_default_the_node_says_its_name_and_nothing_else(files: Files) -> None:
    assert files.load(design()).settings == Settings(identity="istanbul-1")


def test_everything_may_be_set(files: Files, tmp_path: Path) -> None:
    (tmp_path / "cookies").write_text(f"{SECRET}\n{OTHER}\n")
    changes = {
        "nameserver/identity": "",
        "nameserver/version": "gslb",
        "nameserver/cookie_secret_file": "cookies",
        "nameserver/rate_limit": {"answers": 500, "exempt": ["10.0.0.0/8"]},
        "nameserver/stale_after": "1h",
        "nameserver/query_log": {"file": "queries.jsonl", "sample": "5%"},
        "nameserver/metrics_file": "gslb.prom",
        "nameserver/explain": ["192.0.2.0/24", "2001:db8::/32"],
    }
    assert files.load(design(changes)).settings == Settings(
        identity="",
        version="gslb",
        cookie_secrets=(SECRET, OTHER.lower()),
        rate_limit=RateLimit(500.0, 50.0, 2, ("10.0.0.0/8",)),
        stale_after=3600.0,
        explain=("192.0.2.0/24", "2001:db8::/32"),
        metrics_file=str(tmp_path / "gslb.prom"),
        query_log=QueryLog(str(tmp_path / "queries.jsonl"), 0.05, 100 * 2**20),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "cannot be read: it is not UTF-8 text"),
        (b"", "has 0 secrets, not 1 to 4"),
        (b"00112233\n", "line 1 of {file} is not 32 hexadecimal digits"),
        (f"{SECRET}\n{'g' * 32}".encode(), "line 2 of {file} is not 32 hexadecimal digits"),
        (f"{SECRET}\n".encode() * 5, "has 5 secrets, not 1 to 4"),
    ],
)
def test_secrets_of_cookies_that_cannot_be_used_are_named(
    files: Files, tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "cookies"
    if content is not None:
        file.write_bytes(content)
    problem = files.problem(design({"nameserver/cookie_secret_file": "cookies"}))
    assert problem.key == "nameserver.cookie_secret_file"
    assert message.format(file=file) in problem.message
    assert problem.remedy == "write one with: openssl rand -hex 16"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("identity", "İstanbul"),
        ("version", "a\nb"),
        ("rate_limit", {"answers": 0}),
        ("rate_limit", {"slip": 11}),
        ("rate_limit", {"exempt": ["10.0.0.1/8"]}),
        ("stale_after", "soon"),
        ("explain", ["everybody"]),
    ],
)
def test_what_makes_no_sense_is_refused(files: Files, key: str, value: Any) -> None:
    assert files.problem(design({f"nameserver/{key}": value})).key.startswith(f"nameserver.{key}")


def test_a_node_keeps_a_cookie_secret_of_its_own(tmp_path: Path) -> None:
    made = own_cookie_secret(tmp_path)
    assert len(bytes.fromhex(made)) == 16
    assert own_cookie_secret(tmp_path) == made
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    (tmp_path / FILE).write_text("damaged")
    assert own_cookie_secret(tmp_path) not in (made, "damaged")


def test_without_a_place_to_keep_it_a_node_has_one_all_the_same(tmp_path: Path) -> None:
    assert len(bytes.fromhex(own_cookie_secret(tmp_path / "missing"))) == 16
