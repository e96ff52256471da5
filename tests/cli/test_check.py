"""What ``gslb check`` says beside the settings: what others have to publish, and who may do what."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from gslb.cli.check import report
from gslb.config.load import load
from tests.config.files import Table, design, to_toml


def checked(folder: Path, changes: Table) -> str:
    file = folder / "gslb.toml"
    file.write_text(to_toml(design(changes)))
    console = Console(file=StringIO(), width=200, highlight=False)
    console.print(report(load(file, {})))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_it_prints_what_to_ask_the_parent_zone_for(tmp_path: Path) -> None:
    said = checked(tmp_path, {"zones/gslb.example.net": {"nameservers": {"ns1.gslb.example.net": ["2001:db8::53"]}}})
    assert (
        "zone gslb.example.net: ask the parent zone for\n"
        "  gslb.example.net. 3600 IN NS ns1.gslb.example.net.\n"
        "  ns1.gslb.example.net. 3600 IN AAAA 2001:db8::53\n"
    ) in said


def test_it_asks_nobody_for_what_a_configured_parent_should_have(tmp_path: Path) -> None:
    said = checked(tmp_path, {"zones/gslb.example.com": {"nameservers": {"ns.example.net": []}}})
    assert "zone example.com: ask" in said
    assert "zone gslb.example.com: ask" not in said
    assert "does not delegate to it" in said


def test_it_warns_of_a_user_that_this_machine_does_not_have(tmp_path: Path) -> None:
    said = checked(tmp_path, {"nameserver/user": "no-such"})
    assert "nameserver.user: this machine has no user 'no-such'" in said
