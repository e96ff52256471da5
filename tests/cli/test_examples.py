"""The examples for clouds run as they stand, but for where the cloud is, and say what the docs show."""

import json
import re
from pathlib import Path

import pytest

from gslb.config.load import load
from tests.cli.clouds import Aws, Google, gslb
from tests.fakes.clouddns import FakeCloudDns
from tests.fakes.route53 import UNLIMITED, FakeRoute53

ROOT = Path(__file__).parents[2]
EXAMPLES, DOCS = ROOT / "examples", ROOT / "docs"
THERE = "198.51.100.9"


def placed(folder: Path, example: str, **keys: str) -> Path:
    """A copy of an example's configuration with more keys for its provider."""
    text = (EXAMPLES / example / "gslb.toml").read_text()
    head = re.search(r"\[providers\..+\]\n", text)
    assert head
    file = folder / "gslb.toml"
    file.write_text(text.replace(head[0], head[0] + "".join(f"{key} = {value}\n" for key, value in keys.items())))
    return file


def shown(command: str) -> list[str]:
    """What the page on providers shows of each time that a command is run."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", (DOCS / "providers.md").read_text(), re.MULTILINE)
    texts = ("".join(line[4:] or "\n" for line in block.splitlines(keepends=True)).strip() for block in blocks)
    return [text.partition("\n")[2] for text in texts if text.startswith(f"$ gslb {command}")]


@pytest.mark.parametrize("example", ["route53", "cloud-dns"])
def test_they_are_accepted_without_a_warning(example: str) -> None:
    file = EXAMPLES / example / "gslb.toml"
    assert load(file, {}).warnings == ()
    ended = gslb("check", file)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("ok ")


def test_the_policy_is_the_least_one_without_rules_for_networks() -> None:
    page = (DOCS / "providers" / "route53.md").read_text()
    found = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert found
    least, ours = json.loads(found[1]), json.loads((EXAMPLES / "route53" / "policy.json").read_text())
    networks = [statement for statement in least["Statement"] if "Cidr" in json.dumps(statement)]
    assert len(networks) == 2
    assert ours == {**least, "Statement": [it for it in least["Statement"] if it not in networks]}


def test_the_role_has_the_permissions_that_are_needed_and_no_others() -> None:
    page = (DOCS / "providers" / "clouddns.md").read_text()
    needed = re.search(r"--permissions \\\n((?:.*\\\n)*.*)\n", page)
    assert needed
    role = re.findall(r"^- (.*)$", (EXAMPLES / "cloud-dns" / "role.yaml").read_text(), re.MULTILINE)
    assert role == sorted(re.findall(r"dns\.\w+\.\w+", needed[1]))
    assert len(role) == 8


def aws() -> FakeRoute53:
    return FakeRoute53(quota=UNLIMITED)


def google() -> FakeCloudDns:
    return FakeCloudDns("my-project")


@pytest.mark.parametrize(
    ("example", "keys"), [("route53", {}), ("cloud-dns", {"anonymous": "true"})], ids=["route53", "cloud-dns"]
)
def test_what_they_would_write_is_planned_where_the_cloud_is(
    tmp_path: Path, example: str, keys: dict[str, str]
) -> None:
    with aws() as amazon, google() as cloud:
        for fake in (Aws(amazon), Google(cloud)):
            fake.create("example.com")
        url = amazon.url if example == "route53" else cloud.url
        ended = gslb("plan", placed(tmp_path, example, endpoint=json.dumps(url), **keys))
    assert (ended.code, ended.err) == (2, "")
    assert "127.0.1.1" in ended.out
    assert "1 service to write in 1 request" in ended.out


def test_the_docs_show_what_is_said(tmp_path: Path) -> None:
    with aws() as fake:
        cloud = Aws(fake)
        cloud.create("example.com")
        file = placed(tmp_path, "route53", endpoint=json.dumps(fake.url))
        plain, taken = shown("plan")
        assert gslb("plan", file).out.strip() == plain
        cloud.put("example.com", "api", THERE)
        assert gslb("plan", file).out.strip() == taken
        (adopted,) = shown("adopt")
        ended = gslb("adopt", file, "api.example.com", "--provider", "aws", answer="y\n")
        assert ended.out.replace("[y/N]: ", "[y/N]: y\n").strip() == adopted
