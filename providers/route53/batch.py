"""All changes of a zone in one request: what is removed first, and no alias before what it leads to.

Each entry is judged by what those before it leave: a target has to be there before its alias is made, and may be in use
until that is gone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from gslb.model.recordset import RecordSet, read_marker
from gslb.model.zone_plan import Change
from providers.route53.wire import Wire, alias_target

_MAX_COMMENT = 256


def change_batch(
    changes: Sequence[Change], removed: Callable[[RecordSet], Wire], added: Callable[[RecordSet], Wire]
) -> Mapping[str, object]:
    """The member of a ChangeResourceRecordSets request; the functions make record sets as they are written."""
    gone = reversed(list(_targets_first(record for change in changes for record in change.removed)))
    come = _targets_first(record for change in changes for record in change.added)
    entries = [
        *({"Action": "DELETE", "ResourceRecordSet": removed(record)} for record in gone),
        *({"Action": "CREATE", "ResourceRecordSet": added(record)} for record in come),
    ]
    return {"Comment": _comment(changes), "Changes": entries}


def _comment(changes: Sequence[Change]) -> str:
    """Who writes, as the account's logs show it."""
    marked = (read_marker(record) for change in changes for record in (*change.added, *change.removed))
    owners = dict.fromkeys(marker.owner for marker in marked if marker is not None)
    return f"gslb {' '.join(owners)}: {len(changes)} service{'' if len(changes) == 1 else 's'}"[:_MAX_COMMENT]


def _targets_first(records: Iterable[RecordSet]) -> Iterator[RecordSet]:
    there: dict[tuple[str, str], list[RecordSet]] = {}
    for record in records:
        there.setdefault((record.name, record.type), []).append(record)
    seen: set[tuple[str, str]] = set()

    def follow(name: str, kind: str) -> Iterator[RecordSet]:
        """Record sets of a name and type, after those that they lead to."""
        if (name, kind) in seen or (name, kind) not in there:
            return
        seen.add((name, kind))
        for record in there[name, kind]:
            if target := alias_target(record):
                yield from follow(target, kind)
        yield from there[name, kind]

    for name, kind in there:
        yield from follow(name, kind)
