"""Policies in the configuration: presets, steps with their options, and whether a chain makes sense where it stands."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from gslb.config.configuration import VantageSetup
from gslb.config.faults import shown, suggest
from gslb.config.plugins import known_plugins, load_plugin
from gslb.config.reader import Reader
from gslb.errors import PluginError
from gslb.model.branch import Step
from gslb.model.chain import Chain, Checked, Fault, Geography
from gslb.model.names import ServiceName, VantageName
from gslb.model.topology import Service, Topology
from policies.checking import rehearse

PRESETS: Mapping[str, tuple[str | dict[str, Any], ...]] = {
    "active-active": ("weighted",),
    "active-passive": ({"type": "failover", "ready": True},),
    "geo": ("geo", "weighted"),
    "nearest-healthy": ("nearest",),
}
"""Chains by name, each as it would be written in TOML."""
_REPEATED = frozenset({"fence"})
"""Steps that stand in a chain as often as one likes: each forbids something else."""

At = tuple[str | int, ...]


def read_policy(value: Any) -> Any:
    """A chain as a list of tables: from the name of a preset, or from a list of names and tables.

    Raises:
        ValueError: a text that names no preset.
    """
    if isinstance(value, str):
        if value not in PRESETS:
            single = f'a single step stands in a list: ["{value}"]' if value in known_plugins("policy") else ""
            raise ValueError(f"{shown(value)} is no preset; {single or suggest(value, PRESETS)}")
        value = deepcopy(list(PRESETS[value]))
    if not isinstance(value, list):
        return value
    return [{"type": entry} if isinstance(entry, str) else entry for entry in value]


def build_chain(reader: Reader, at: At, entries: Sequence[dict[str, Any]]) -> tuple[Step, ...]:
    """The steps of a chain, those without faults; the others are noted as problems.

    Args:
        reader: collects the problems.
        at: key path of the chain.
        entries: its steps, each a table.
    """
    kinds = [entry.get("type") for entry in entries]
    for index, kind in enumerate(kinds):
        if kind in kinds[:index] and kind not in _REPEATED:
            remedy = f"remove one of the two, policy[{kinds.index(kind)}] or this one"
            reader.fault((*at, index), f"{kind!r} is in this chain already", remedy)
    steps = (_step(reader, (*at, index), entry) for index, entry in enumerate(entries))
    return tuple(step for step in steps if step is not None)


def _step(reader: Reader, at: At, entry: dict[str, Any]) -> Step | None:
    kind = entry.get("type")
    if not isinstance(kind, str):
        message = "is missing" if kind is None else f"should be text, not {shown(kind)}"
        reader.fault((*at, "type"), message, f"known: {', '.join(sorted(known_plugins('policy')))}")
        return None
    try:
        plugin = load_plugin("policy", kind)
    except PluginError as error:
        reader.plugin_fault(error, at)
        return None
    step: Step | None = reader.parse(plugin, {key: value for key, value in entry.items() if key != "type"}, at)
    return step


def check_chains(
    reader: Reader, topology: Topology, vantages: Mapping[VantageName, VantageSetup], geography: Geography
) -> list[ServiceName]:
    """No step is pointless where it stands or contradicts another one, and each answers as a step should.

    Returns services of which that is not so.

    Args:
        reader: collects the problems.
        topology: services with their chains, and their regions.
        vantages: who measures, and whom each speaks for.
        geography: what is known of clients.
    """
    areas = {name: setup.areas for name, setup in vantages.items()}
    found = []
    for service in topology.services.values():
        before = len(reader.problems)
        regions = {member.region: topology.regions[member.region] for member in service.members}
        whole = Chain(service, regions, areas, geography)
        faulty = [_check_step(reader, whole, index) for index in range(len(service.policy))]
        if not any(faulty):
            _check_run(reader, whole)
        if len(reader.problems) > before:
            found.append(service.name)
    return found


def _at(service: Service, index: int) -> At:
    return "services", service.name.removesuffix("."), "policy", index


def _check_step(reader: Reader, whole: Chain, index: int) -> bool:
    """Whether a step has faults at its place."""
    service, steps = whole.service, whole.service.policy
    step, at = steps[index], _at(service, index)
    if not isinstance(step, Checked):
        return False
    place = Chain(
        service, whole.regions, whole.vantages, whole.geography, before=steps[:index], after=steps[index + 1 :]
    )
    try:
        faults = _faults(step, place)
    except Exception as error:  # noqa: BLE001  somebody else's step may raise anything
        _broken(reader, at, step, f"cannot be checked: {type(error).__name__}: {error}")
        return True
    for fault in faults:
        key = (fault.key,) if fault.key else ()
        reader.fault((*at, *key), fault.message if key else f"{step.name} {fault.message}", fault.remedy)
    return bool(faults)


def _faults(step: Checked, place: Chain) -> list[Fault]:
    found = list(step.faults(place))
    for fault in found:
        if not isinstance(fault, Fault):
            raise TypeError(f"{shown(fault)} is no fault")
    return found


def _broken(reader: Reader, at: At, step: Step, message: str) -> None:
    reader.fault(at, f"{step.name!r}: {message}", "correct or remove the distribution that provides it")


def _check_run(reader: Reader, whole: Chain) -> None:
    """Run the chain once, with every region fit: a step that raises or returns no branches is found here."""
    service = whole.service
    for index, step in enumerate(service.policy):
        try:
            rehearse(whole, service.policy[: index + 1], whole.regions)
        except Exception as error:  # noqa: BLE001  somebody else's step may raise anything
            _broken(reader, _at(service, index), step, f"cannot be used: {type(error).__name__}: {error}")
            return
