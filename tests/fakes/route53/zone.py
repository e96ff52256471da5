"""A hosted zone: what it holds now, and what it held before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.fakes.route53.records import Key, RecordSet

Node = Mapping[tuple[str, str], RecordSet]
"""All record sets of one name, by type and identifier."""
Nodes = Mapping[str, Node]


class Draft:
    """A zone as a batch would leave it. The zone itself stays as it is."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._touched: dict[str, dict[tuple[str, str], RecordSet]] = {}

    def node(self, name: str) -> Node:
        return self._touched[name] if name in self._touched else self._nodes.get(name, {})

    def get(self, key: Key) -> RecordSet | None:
        return self.node(key[0]).get(key[1:])

    def group(self, name: str, kind: str) -> list[RecordSet]:
        """All of one name and type."""
        return [record_set for (type_, _), record_set in self.node(name).items() if type_ == kind]

    def put(self, record_set: RecordSet) -> None:
        self._open(record_set.name)[record_set.key[1:]] = record_set

    def remove(self, key: Key) -> None:
        self._open(key[0]).pop(key[1:], None)

    def aliases(self) -> Iterator[RecordSet]:
        """All alias record sets of the zone."""
        for name in {**self._nodes, **self._touched}:
            yield from (record_set for record_set in self.node(name).values() if record_set.alias)

    def gone(self) -> set[tuple[str, str]]:
        """Names and types of which there were sets, and would be none."""
        return {
            (name, kind)
            for name, node in self._touched.items()
            for kind in {kind for kind, _ in self._nodes.get(name, {})} - {kind for kind, _ in node}
        }

    @property
    def touched(self) -> Nodes:
        """The names that were changed, as they would be."""
        return self._touched

    def _open(self, name: str) -> dict[tuple[str, str], RecordSet]:
        return self._touched.setdefault(name, dict(self._nodes.get(name, {})))


@dataclass(frozen=True, slots=True)
class Commit:
    """A change of the zone, and the nodes that it replaced."""

    at: float
    before: Nodes


@dataclass(slots=True)
class Zone:
    """One hosted zone. ``busy_until`` is when the next change is welcome; times are seconds of the fake's clock."""

    id: str
    name: str
    reference: str
    name_servers: tuple[str, ...]
    comment: str = ""
    vpcs: tuple[tuple[str, str], ...] = ()
    private: bool = False
    busy_until: float = 0.0
    nodes: dict[str, Node] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    _listed: list[RecordSet] | None = None

    def listed(self) -> list[RecordSet]:
        """All record sets in Route 53's order."""
        if self._listed is None:
            every = (record_set for node in self.nodes.values() for record_set in node.values())
            self._listed = sorted(every, key=lambda record_set: record_set.place)
        return self._listed

    def commit(self, draft: Draft, at: float) -> None:
        """Make a draft of this zone the zone."""
        before = {name: self.nodes.get(name, {}) for name in draft.touched}
        for name, node in draft.touched.items():
            if node:
                self.nodes[name] = node
            else:
                self.nodes.pop(name, None)
        self.commits.append(Commit(at, before))
        self._listed = None

    def before(self, moment: float) -> Nodes:
        """What it held at a moment: all that was committed by then."""
        nodes = dict(self.nodes)
        for commit in reversed(self.commits):
            if commit.at <= moment:
                break
            nodes.update(commit.before)
        return {name: node for name, node in nodes.items() if node}
