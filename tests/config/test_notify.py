"""[notify.NAME]: what is accepted, what is refused with which words, and that no secret is shown."""

from pathlib import Path
from typing import Any

import pytest

from gslb.config.notify import EmailSection, Section, WebhookSection, check_services, read_notify
from gslb.config.reader import Reader
from gslb.config.receivers import literal_secrets
from gslb.errors import Problem
from gslb.model.event import EventName, Severity
from gslb.model.names import ServiceName
from tests.probes.certificates import new_authority

SECRET = "hunter2"
HOOK = {"type": "webhook", "url": "https://receiver.example.com/hook"}
MAIL = {"type": "email", "host": "mail.example.com", "sender": "gslb@example.com", "to": ["oncall@example.com"]}
SERVICES = [ServiceName("api.example.com."), ServiceName("www.example.com.")]


def read(table: Any, folder: Path = Path(), *, kept: bool = False) -> tuple[dict[str, Section], list[Problem]]:
    reader = Reader(str(folder / "gslb.toml"), {"notify": {"hook": table}})
    return read_notify(reader, kept=kept), reader.problems


def problem(table: Any, folder: Path = Path()) -> Problem:
    _, (found,) = read(table, folder)
    assert found.remedy
    return found


def test_the_defaults() -> None:
    found, problems = read(HOOK)
    hook = found["hook"]
    assert not problems
    assert isinstance(hook, WebhookSection)
    assert set(EventName) - set(hook.events) == {EventName.ORDER}
    assert (hook.severity, hook.services, hook.timeout, hook.template) == (Severity.INFO, ["*"], 5.0, None)


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_from_how_the_connection_is_protected(tls: str, port: int) -> None:
    found, _ = read({**MAIL, "tls": tls})
    mail = found["hook"]
    assert isinstance(mail, EmailSection)
    assert mail.number == port
    other, _ = read({**MAIL, "tls": tls, "port": 2525})
    assert isinstance(other["hook"], EmailSection)
    assert other["hook"].number == 2525


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ({}, "type", "is missing"),
        ({"type": "pager"}, "type", "no notification of type 'pager'"),
        ({"type": 7}, "type", "no notification of type 7"),
        ({"type": "webhook"}, "url", "is missing"),
        ({**HOOK, "events": []}, "events", "should have at least 1, not none"),
        ({**HOOK, "events": ["failovr"]}, "events[0]", "'failovr' is none of them"),
        ({**HOOK, "events": [["failover"]]}, "events[0]", "['failover'] is none of them"),
        ({**HOOK, "severity": "loud"}, "severity", "'loud' is none of them"),
        ({**HOOK, "services": ["API"]}, "services[0]", "string should match pattern"),
        ({**HOOK, "template": {"text": "{txt}"}}, "template", "'{txt}' has no place 'txt' to fill in"),
        ({**HOOK, "template": {"text": "{"}}, "template", "'{' has a brace that stands alone"),
        ({**HOOK, "timeout": "2m"}, "timeout", "input should be less than or equal to 60"),
        ({**HOOK, "headers": {"Host": "x"}}, "", "header Host is made by gslb itself"),
        ({**HOOK, "headers": {"gslb-signature": "x"}}, "", "header gslb-signature is made by gslb itself"),
        ({**HOOK, "secret": "a", "secret_file": "b"}, "", "has both secret and secret_file"),
        ({**HOOK, "url": "http://x/", "ca_file": "b"}, "", "has a ca_file, but its url begins with http:"),
        ({**MAIL, "to": []}, "to", "should have at least 1, not none"),
        ({**MAIL, "to": ["on call"]}, "to[0]", "'on call' is no mail address"),
        ({**MAIL, "to": ["a@b\r\nBcc: eve@example.com"]}, "to[0]", "is no mail address"),
        ({**MAIL, "sender": "caf\xe9@example.com"}, "sender", "is no mail address"),
        ({**MAIL, "sender": "gslb"}, "sender", "'gslb' is no mail address"),
        ({**MAIL, "user": "gslb"}, "", "has one of user and password without the other"),
        ({**MAIL, "password": "x"}, "", "has one of user and password without the other"),
        ({**MAIL, "user": "a", "password": "x", "password_file": "y"}, "", "has both password and password_file"),
        ({**MAIL, "user": "a", "password": "x", "tls": "none"}, "", 'has a user or a ca_file with tls = "none"'),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(table: Any, key: str, message: str) -> None:
    found = problem(table)
    assert found.key == (f"notify.hook.{key}" if key else "notify.hook")
    assert message in found.message


@pytest.mark.parametrize(
    "url",
    ["receiver.example.com", "ftp://x/", "http://", "https://x:0/", "https://x:99999/", "https://[x/", "https://x/\n"],
)
def test_what_is_no_address_of_a_receiver_is_refused_and_not_repeated(url: str) -> None:
    found = problem({**HOOK, "url": url})
    assert (found.key, found.message) == ("notify.hook.url", "is no address of a receiver")


@pytest.mark.parametrize("url", ["https://user:hunter2@x/", "https://x/#here", "https://x/a b"])
def test_credentials_and_what_would_not_be_sent_do_not_belong_into_an_address(url: str) -> None:
    found = problem({**HOOK, "url": url})
    assert "has a user, a fragment or a blank in it" in found.message
    assert SECRET not in str(found)


def test_files_must_be_of_use(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\nsecond")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, words in (
        ("gone", "No such file or directory"),
        ("empty", "its first line is empty"),
        ("binary", "it is not UTF-8 text"),
    ):
        found = problem({**HOOK, "secret_file": name}, tmp_path)
        assert (found.key, found.message) == (
            "notify.hook.secret_file",
            f"{tmp_path / name} cannot be used: {words}",
        )
        login = {"user": "gslb", "password_file": name}
        assert problem({**MAIL, **login}, tmp_path).key == "notify.hook.password_file"
        assert problem({**MAIL, "ca_file": name}, tmp_path).key == "notify.hook.ca_file"
        assert problem({**HOOK, "ca_file": name}, tmp_path).key == "notify.hook.ca_file"


def test_files_that_are_of_use_are_no_fault(tmp_path: Path) -> None:
    new_authority(tmp_path, "ca")
    (tmp_path / "secret").write_text("hunter2")
    assert not read({**HOOK, "secret_file": "secret", "ca_file": "ca.pem"}, tmp_path)[1]
    assert not read({**MAIL, "user": "gslb", "password_file": "secret", "ca_file": "ca.pem"}, tmp_path)[1]


def test_what_was_accepted_stands_when_its_files_are_gone(tmp_path: Path) -> None:
    for table in (
        {**HOOK, "secret_file": "gone", "ca_file": "gone"},
        {**MAIL, "user": "gslb", "password_file": "gone", "ca_file": "gone"},
    ):
        found, problems = read(table, tmp_path, kept=True)
        assert found
        assert not problems


def test_no_secret_is_shown(tmp_path: Path) -> None:
    table = {
        **HOOK,
        "url": f"https://x/{SECRET}",
        "secret": SECRET,
        "headers": {"Authorization": SECRET, "X-Team": "net"},
        "template": {"routing_key": SECRET, "payload": [{"token": SECRET, "text": "{text}"}]},
    }
    for section in (
        read(table)[0]["hook"],
        read({**MAIL, "user": "gslb", "password": SECRET})[0]["hook"],
    ):
        assert SECRET not in section.model_dump_json() + repr(section)
    shown = read(table)[0]["hook"].model_dump(mode="json")
    assert shown["template"] == {"routing_key": "***", "payload": [{"token": "***", "text": "{text}"}]}
    assert shown["headers"] == {"Authorization": "***", "X-Team": "net"}


@pytest.mark.parametrize(
    "table",
    [
        {**HOOK, "secret": [SECRET]},
        {**HOOK, "headers": {"Authorization": [SECRET]}},
        {**HOOK, "template": SECRET},
        {**MAIL, "user": "gslb", "password": [SECRET]},
    ],
)
def test_a_problem_does_not_repeat_a_secret(table: Any) -> None:
    assert SECRET not in str(problem(table))


def test_a_pattern_must_stand_for_a_service() -> None:
    reader = Reader("gslb.toml", {})
    check_services(reader, ("notify", "hook"), ["*", "*.example.com", "api.example.com"], SERVICES)
    assert not reader.problems
    check_services(reader, ("notify", "hook"), ["ap.example.com"], SERVICES)
    (found,) = reader.problems
    assert (found.key, found.message) == ("notify.hook.services", "'ap.example.com' stands for no service")
    assert found.remedy == "did you mean 'api.example.com'?"


def test_a_secret_that_stands_in_the_file_is_found() -> None:
    stage = {"name": "scale", "webhook": {"url": "https://x", "secret": SECRET, "headers": {"X-Api-Key": SECRET}}}
    document = {
        "notify": {
            "hook": {"secret": SECRET, "headers": {"Authorization": f"Bearer {SECRET}", "X-Team": "net"}},
            "right": {"secret": "${HOOK}", "headers": {"Authorization": "Bearer ${TOKEN}"}, "secret_file": "here"},
            "mail": {"password": SECRET, "password_file": "here"},
            "odd": {"secret": 7, "template": {"secret": "{text}"}},
        },
        "escalations": {"overload": {"stages": [{"name": "a"}, stage]}},
        "probes": {"edge": {"headers": {"Authorization": SECRET}}},
    }
    assert list(literal_secrets(document)) == [
        ("notify", "hook", "secret"),
        ("notify", "hook", "headers", "Authorization"),
        ("notify", "mail", "password"),
        ("escalations", "overload", "stages", 1, "webhook", "secret"),
        ("escalations", "overload", "stages", 1, "webhook", "headers", "X-Api-Key"),
    ]
    assert list(literal_secrets({"notify": "x"})) == []
    assert list(literal_secrets({})) == []
