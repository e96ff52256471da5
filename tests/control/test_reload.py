"""Which configuration is in force: reloads one after the other, and the accepted one where the file has faults."""

import asyncio
from pathlib import Path

import pytest

from gslb.config.load import load
from gslb.config.sources import PROPOSED, keep_accepted
from gslb.control import reload
from gslb.control.changes import fixed_digest, restart_keys
from gslb.control.reload import UndecidedError, keep, load_or_accepted, reload_file
from gslb.errors import ConfigError
from tests.control.rig import Lab, decided, drain


async def test_of_reloads_at_the_same_time_the_newest_file_wins(lab: Lab) -> None:
    """The first one reads a large zone; the second one must not be overtaken by it."""
    records = "".join(f"h{number} 60 IN A 192.0.2.1\n" for number in range(5000))
    (lab.file.parent / "large.zone").write_text(records)
    async with lab.controller() as controller:
        await decided(controller)
        lab.write(lambda text: text.replace("nameservers =", 'file = "large.zone"\nnameservers ='))
        first = asyncio.create_task(reload_file(controller))
        await asyncio.sleep(0)
        lab.write(lambda text: text.replace('hold    = "60s"', 'hold    = "61s"'))
        second = asyncio.create_task(reload_file(controller))
        await asyncio.gather(first, second)
        assert controller.configuration.version == second.result().version == load(lab.file).version


async def test_a_reload_that_leaves_drained_endpoints_only_is_refused_and_names_the_drain(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        drain(controller)
        lab.write(lambda text: text.replace('regions = ["istanbul", "ankara"]', 'regions = ["istanbul"]'))
        with pytest.raises(ConfigError) as refusal:
            await reload_file(controller)
        (problem,) = refusal.value.problems
        assert problem.key == 'services."api.example.com".regions'
        assert "undrain istanbul" in problem.remedy
        assert controller.metrics.registry.get_sample_value("gslb_configuration_stale") == 1


async def test_what_was_drained_by_force_does_not_block_other_changes(lab: Lab) -> None:
    async with lab.controller() as controller:
        await decided(controller)
        for region in ("istanbul", "ankara"):
            drain(controller, region, force=True)
        lab.write(lambda text: text.replace('hold    = "60s"', 'hold    = "61s"'))
        await reload_file(controller)
        assert controller.metrics.registry.get_sample_value("gslb_configuration_stale") == 0


def accepted(lab: Lab) -> tuple[Path, str]:
    """The run folder and the digest of a configuration that was accepted."""
    configuration = load(lab.file)
    configuration.run_folder.mkdir(mode=0o700, exist_ok=True)
    keep(configuration)
    return configuration.run_folder, fixed_digest(configuration)


async def test_a_start_with_a_faulty_file_takes_the_accepted_one_with_its_zone_file(lab: Lab) -> None:
    zone = lab.file.parent / "example.com.zone"
    zone.write_text("www 60 IN A 192.0.2.1\n")
    lab.write(lambda text: text.replace("nameservers =", 'file = "example.com.zone"\nnameservers ='))
    before = load(lab.file)
    folder, digest = accepted(lab)
    zone.write_text("www 60 IN A not-an-address\n")
    found, fault = load_or_accepted(lab.file, folder, digest)
    assert found.version == before.version
    assert fault is not None
    assert fault.problems[0].file == str(zone)
    zone.unlink()
    lab.file.unlink()
    found, fault = load_or_accepted(lab.file, folder, digest)
    assert found.version == before.version
    assert "cannot be read" in str(fault)


async def test_nor_is_a_file_taken_that_needs_a_restart(lab: Lab) -> None:
    folder, digest = accepted(lab)
    lab.write(lambda text: text.replace("gslb.db", "other.db"))
    found, fault = load_or_accepted(lab.file, folder, digest)
    assert found.run_folder == folder
    assert "restart gslb run" in str(fault)


async def test_without_an_accepted_one_a_faulty_file_is_refused(lab: Lab) -> None:
    lab.file.write_text("nonsense")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load_or_accepted(lab.file, lab.file.parent, "")


async def test_a_damaged_copy_counts_as_none(lab: Lab) -> None:
    folder, _ = accepted(lab)
    (folder / "accepted.json").write_text("{")
    lab.file.write_text("nonsense")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load_or_accepted(lab.file, folder, "")


async def test_an_accepted_one_for_other_settings_is_not_taken_and_the_files_own_fault_is_told(lab: Lab) -> None:
    folder, _ = accepted(lab)
    lab.file.write_text("nonsense")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load_or_accepted(lab.file, folder, "another digest")


@pytest.mark.parametrize("content", [b"{", b'{"a": "\xff"}', b"[]"])
async def test_whatever_is_in_a_damaged_copy_it_counts_as_none(lab: Lab, content: bytes) -> None:
    folder, digest = accepted(lab)
    (folder / "accepted.json").write_bytes(content)
    lab.file.write_text("nonsense")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load_or_accepted(lab.file, folder, digest)


async def test_a_file_that_breaks_while_processes_are_replaced_for_it_costs_neither_of_them_its_settings(
    lab: Lab,
) -> None:
    """The former control may come back before the new one starts."""
    folder, former = accepted(lab)
    lab.write(lambda text: text.replace('"istanbul-1"', '"renamed"'))
    proposed = load(lab.file)
    keep_accepted(folder, proposed.sources, PROPOSED)
    lab.file.write_text("[[[ half written")
    for digest, name in ((former, None), (fixed_digest(proposed), "renamed")):
        found, fault = load_or_accepted(lab.file, folder, digest)
        assert fault is not None
        assert fixed_digest(found) == digest
        assert name is None or found.node.name == name


async def test_a_reload_that_is_not_decided_in_time_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def __init__(self, _: Path) -> None:
            pass

        def wait(self, _: float) -> None:
            return None

    monkeypatch.setattr(reload, "Request", Silent)
    async with lab.controller() as controller:
        await decided(controller)
        lab.write(lambda text: text.replace('"istanbul-1"', '"renamed"'))
        with pytest.raises(UndecidedError, match="not known yet"):
            await reload_file(controller)
        value = controller.metrics.registry.get_sample_value
        assert value("gslb_configuration_stale") == 1
        assert value("gslb_reloads_total", {"outcome": "undecided"}) == 1


async def test_keys_that_processes_were_started_with_are_named(lab: Lab) -> None:
    before = load(lab.file)
    assert restart_keys(before, before) == ()
    lab.write(lambda text: text.replace('"istanbul-1"', '"renamed"').replace('hold    = "60s"', 'hold = "61s"'))
    assert restart_keys(before, load(lab.file)) == ("node.name",)
