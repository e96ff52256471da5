"""Record sets: listed and changed; and what has become of a change."""

from tests.fakes.route53 import errors, reading
from tests.fakes.route53.call import Call, Reply, change_info, reply
from tests.fakes.route53.errors import ApiError, invalid_input
from tests.fakes.route53.names import canonical, order
from tests.fakes.route53.records import Change, RecordSet
from tests.fakes.route53.values import TYPES
from tests.fakes.route53.wanted import checked
from tests.fakes.route53.writing import listed
from tests.fakes.route53.xmltree import Content

_PAGE = 300


def list_resource_record_sets(call: Call) -> Reply:
    zone = call.store.zone(call.path["zone"])
    most, start = call.most(most=_PAGE), _start(call)
    rest = [record_set for record_set in zone.listed() if record_set.place >= start]
    following = rest[most] if len(rest) > most else None
    content = {
        "ResourceRecordSets": {"ResourceRecordSet": [listed(record_set) for record_set in rest[:most]]},
        "IsTruncated": following is not None,
        "MaxItems": most,
        **_next(following),
    }
    return reply("ListResourceRecordSetsResponse", content)


def change_resource_record_sets(call: Call) -> Reply:
    zone = call.store.zone(call.path["zone"])
    changes = checked(reading.wanted(call.body))
    change = call.store.submit(zone, changes, reading.comment(call.body))
    call.entry.committed = True
    return reply("ChangeResourceRecordSetsResponse", {"ChangeInfo": change_info(change, in_sync=False)})


def batch_of(body: bytes) -> tuple[Change, ...]:
    """What a request for changes asks for, whether it may be done or not; nothing if that cannot be read."""
    try:
        wanted = reading.wanted(body)
    except ApiError:
        return ()
    try:
        return tuple(checked(wanted))
    except ApiError:
        return tuple(item.change for item in wanted)


def get_change(call: Call) -> Reply:
    change = call.store.changes.get(call.path["change"])
    if change is None:
        raise errors.no_change(call.path["change"])
    return reply("GetChangeResponse", {"ChangeInfo": change_info(change, in_sync=call.store.in_sync(change))})


def _next(record_set: RecordSet | None) -> dict[str, Content]:
    """Where the next page starts."""
    if record_set is None:
        return {}
    return {
        "NextRecordName": record_set.name,
        "NextRecordType": record_set.type,
        "NextRecordIdentifier": record_set.identifier or None,
    }


def _start(call: Call) -> tuple[str, str, str]:
    name, kind, identifier = (call.query.get(field, "") for field in ("name", "type", "identifier"))
    if kind and not name:
        raise invalid_input("StartRecordType needs a StartRecordName")
    if identifier and not kind:
        raise invalid_input("StartRecordIdentifier needs a StartRecordType")
    if kind and kind not in TYPES:
        raise invalid_input(f"Invalid record type: {kind}")
    return (order(canonical(name)) if name else "", kind, identifier)
