"""A tree of routing policies laid out as record sets: the root at the service's name, all else below reserved names.

What leads to a single value, or to several where its policy allows for that, has them itself; anything else is an alias
of a reserved name. Nodes that are alike are there once, whoever leads to them. The names say what they are for
(``_gslb-istanbul.api.example.com.``), and do not depend on weights, so that a change of those changes nothing else.
"""

import json
import re

from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, reserved_name
from gslb.model.steering import RecordType
from providers.route53.limits import one_value, policy
from providers.route53.nodes import Branch, Node, Values, canonical

_UNFIT = re.compile(r"[^a-z0-9_]+")


def lay_out(service: ServiceName, kind: RecordType, ttl: int, root: Node) -> tuple[RecordSet, ...]:
    """The record sets of one type."""
    layout = _Layout(service, kind, ttl)
    layout.put(service, root)
    return tuple(layout.records)


class _Layout:
    def __init__(self, service: ServiceName, kind: RecordType, ttl: int) -> None:
        self._service, self._kind, self._ttl = service, kind, ttl
        self._names: dict[Node, str] = {}
        self._labels: set[str] = set()
        self.records: list[RecordSet] = []

    def put(self, name: str, node: Node) -> None:
        """Have ``node`` at ``name``."""
        if isinstance(node, Values):
            self.records.append(RecordSet(name, self._kind, node.values, self._ttl))
            return
        self.records += [self._record(name, branch) for branch in node.branches]

    def _record(self, name: str, branch: Branch) -> RecordSet:
        members = json.loads(branch.routing)
        weights = (float(members["Weight"]),) if "Weight" in members else ()
        if isinstance(branch.to, Values) and (len(branch.to.values) == 1 or not one_value(policy(members), self._kind)):
            values, ttl, routing = branch.to.values, self._ttl, branch.routing
        else:
            values, ttl, routing = (), None, canonical({**members, "AliasTarget": self._alias(branch)})
        return RecordSet(name, self._kind, values, ttl, branch.identifier, routing, weights)

    def _alias(self, branch: Branch) -> dict[str, object]:
        """Of a name of the same zone, whose id nobody knows here."""
        name = self._names.get(branch.to)
        if name is None:
            name = self._names[branch.to] = reserved_name(self._service, self._label(branch.to.label or branch.label))
            self.put(name, branch.to)
        return {"DNSName": name, "EvaluateTargetHealth": False, "HostedZoneId": ""}

    def _label(self, wanted: str) -> str:
        """``wanted`` as part of a label, numbered where that is taken."""
        plain = _UNFIT.sub("-", wanted.lower())
        number, label = 1, plain
        while label in self._labels:
            number += 1
            label = f"{plain}-{number}"
        self._labels.add(label)
        return label
