"""Credentials in options: neither shown by ``gslb check`` nor repeated by the problems that it tells."""

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError
from rich.console import Console

from gslb.cli.check import report
from gslb.config.faults import problems_of
from gslb.model.options import CONFIDENTIAL, Options, is_secret
from probes.exec import Exec
from probes.http import Http, Https
from probes.tcp import Tcp
from tests.config.files import Files, design

SECRET = "hunter2"
TRUE = ["/bin/true"]


class Login(Options):
    """As a plug-in of another distribution may have it."""

    user: Annotated[str, Field(description="who")] = ""
    phrase: Annotated[str | None, CONFIDENTIAL, Field(repr=False, min_length=9, description="to get in")] = None


class Nested(Options):
    """With a table below it."""

    login: Annotated[Login | None, Field(description="how to get in")] = None


CONFIDED = [
    (Http, {"headers": {"Authorization": SECRET, "X-Session-Id": SECRET}}),
    (Https, {"method": "POST", "body": f'{{"token": "{SECRET}"}}'}),
    (Tcp, {"send": f"AUTH {SECRET}\r\n", "expect": "+OK"}),
    (Exec, {"command": TRUE, "environment": {"DATABASE_PWD": SECRET, "AWS_SIGNATURE": SECRET}}),
    (Nested, {"login": {"phrase": f"{SECRET}, please"}}),
]


@pytest.mark.parametrize(("model", "options"), CONFIDED)
def test_what_is_confidential_is_not_shown(model: type[Options], options: dict[str, Any]) -> None:
    made = model.model_validate(options)
    for text in (made.model_dump_json(), str(made.model_dump()), repr(made), str(made)):
        assert SECRET not in text
    assert "***" in made.model_dump_json()


def test_what_is_not_given_is_shown_as_not_given() -> None:
    assert (Tcp().model_dump()["send"], Http().model_dump()["body"], Http().model_dump()["headers"]) == (None, "", {})


@pytest.mark.parametrize(
    ("probe", "shown"),
    [
        ({"type": "http", "headers": {"Cookie": SECRET, "Accept": "x/y"}}, '{ Cookie = "***", Accept = "x/y" }'),
        ({"type": "http", "method": "POST", "body": SECRET}, 'body = "***"'),
        ({"type": "tcp", "send": SECRET, "expect": "+"}, 'send = "***"'),
        ({"type": "exec", "command": TRUE, "environment": {"PGPASS": SECRET, "LEVEL": "2"}}, 'LEVEL = "2"'),
    ],
)
def test_check_does_not_show_it(files: Files, probe: dict[str, Any], shown: str) -> None:
    console = Console(width=1000)
    with console.capture() as capture:
        console.print(report(files.load(design({"probes/edge": probe}))))
    assert shown in capture.get()
    assert SECRET not in capture.get()


@pytest.mark.parametrize(
    ("probe", "key", "message"),
    [
        ({"type": "http", "headers": {"Authorization": f"{SECRET}\r\n"}}, "headers.Authorization", "should match"),
        ({"type": "http", "headers": {"Authorization": [SECRET]}}, "headers.Authorization", "should be a valid string"),
        ({"type": "http", "headers": {"X": f"\t{SECRET}"}}, "headers.X", "should match pattern"),
        ({"type": "http", "headers": SECRET}, "headers", "should be a table"),
        ({"type": "https", "method": "POST", "body": {"token": SECRET}}, "body", "should be a valid string"),
        ({"type": "tcp", "send": [SECRET], "expect": "+"}, "send", "should be a valid string"),
        ({"type": "tcp", "send": SECRET * 1000, "expect": "+"}, "send", "should have at most 4096 characters"),
        ({"type": "exec", "command": TRUE, "environment": {"PW": f"\0{SECRET}"}}, "environment.PW", "should match"),
        ({"type": "exec", "command": TRUE, "environment": {"PW": [SECRET]}}, "environment.PW", "should be a valid"),
        ({"type": "exec", "command": TRUE, "environment": [SECRET]}, "environment", "should be a table"),
    ],
)
def test_a_problem_does_not_repeat_it(files: Files, probe: dict[str, Any], key: str, message: str) -> None:
    (problem,) = files.problems(design({"probes/edge": probe}))
    assert problem.key == f"probes.edge.{key}"
    assert message in problem.message
    assert SECRET not in str(problem)


def test_a_problem_elsewhere_still_says_what_stands_there(files: Files) -> None:
    problem = files.problem(design({"probes/edge": {"type": "http", "host": "a/b"}}))
    assert problem.message.endswith(", not 'a/b'")


def test_it_is_not_repeated_in_tables_below_either() -> None:
    with pytest.raises(ValidationError) as caught:
        Nested.model_validate({"login": {"user": 5, "phrase": SECRET}})
    found = problems_of(caught.value, "gslb.toml", ("probes", "edge"), Nested)
    assert [(problem.key, "not" in problem.message.split()) for problem in found] == [
        ("probes.edge.login.user", True),
        ("probes.edge.login.phrase", False),
    ]
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "X-Auth-Token", "X-Session"),
        *("X-Amz-Signature", "PGPASSWORD", "MYSQL_PWD", "SSHPASS", "CLIENT_SECRET", "AWS_CREDENTIALS"),
    ],
)
def test_a_name_that_speaks_of_credentials_is_secret_in_headers_and_environment_alike(name: str) -> None:
    assert is_secret(name)
    assert is_secret(name.lower())
    http = Http(headers={name.replace("_", "-"): SECRET})
    command = Exec(command=TRUE, environment={name.replace("-", "_"): SECRET})
    assert SECRET not in http.model_dump_json() + command.model_dump_json()


@pytest.mark.parametrize("name", ["Accept", "User-Agent", "X-Trace", "Content-Type", "LEVEL", "PGHOST", "TZ"])
def test_any_other_name_is_not(name: str) -> None:
    assert not is_secret(name)


@given(st.dictionaries(st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True), st.from_regex(r"[ -~]{1,20}", fullmatch=True)))
def test_a_value_is_shown_exactly_where_its_name_is_not_secret(environment: dict[str, str]) -> None:
    shown = Exec(command=TRUE, environment=environment).model_dump()["environment"]
    assert shown == {name: "***" if is_secret(name) else value for name, value in environment.items()}
