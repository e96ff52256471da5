"""Nodes of a tree of routing policies.

A node is what there is at one name: values, or record sets among which a policy chooses, each of which leads to a node.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Values:
    """A plain record set. ``label`` is what its name is called after, if it needs one."""

    values: tuple[str, ...]
    label: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Branch:
    """One record set of those among which a policy chooses.

    Attributes:
        identifier: tells it from the others.
        routing: the members that say when it is chosen, in their one form.
        to: what it leads to.
        label: what the name of that is called after, if it needs one, and has no label of its own.
    """

    identifier: str
    routing: str
    to: "Node"
    label: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Routed:
    """Record sets of one policy. ``label`` is what their name is called after, if it is not the service's."""

    branches: tuple[Branch, ...]
    label: str = field(default="", compare=False)


Node = Values | Routed


def canonical(members: Mapping[str, object]) -> str:
    """Members of a record set as JSON, in one form only; nothing where there are none."""
    return json.dumps(members, sort_keys=True, separators=(",", ":")) if members else ""


def routed(parts: Iterable[tuple[str, Mapping[str, object], Node, str]]) -> Routed:
    """Branches for identifiers, which are numbered where they are not unique, members, nodes and labels."""
    told: Counter[str] = Counter()
    branches = []
    for identifier, members, node, label in parts:
        told[identifier] += 1
        number = told[identifier]
        unique = identifier if number == 1 else f"{identifier}/{number}"
        branches.append(Branch(unique, canonical(members), node, label))
    return Routed(tuple(branches))
