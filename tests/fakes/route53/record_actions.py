"""Record sets: listed and changed; and what has become of a change."""

from tests.fakes.route53 import errors, reading
from tests.fakes.route53.call import Call, Reply, change_info, reply
from tests.fakes.route53.errors import invalid_input
from tests.fakes.route53.names import canonical, order
from tests.fakes.route53.values import TYPES
from tests.fakes.route53.wanted import checked
from tests.fakes.route53.writing import listed

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
        "NextRecordName": following.name if following else None,
        "NextRecordType": following.type if following else None,
        "NextRecordIdentifier": (following.identifier or None) if following else None,
    }
    return reply("ListResourceRecordSetsResponse", content)


def change_resource_record_sets(call: Call) -> Reply:
    zone = call.store.zone(call.path["zone"])
    wanted = reading.wanted(call.body)
    call.entry.batch = tuple(item.change for item in wanted)
    changes = checked(wanted)
    call.entry.batch = tuple(changes)
    change = call.store.submit(zone, changes, reading.comment(call.body))
    call.entry.committed = True
    return reply("ChangeResourceRecordSetsResponse", {"ChangeInfo": change_info(change, in_sync=False)})


def get_change(call: Call) -> Reply:
    change = call.store.changes.get(call.path["change"])
    if change is None:
        raise errors.no_change(call.path["change"])
    return reply("GetChangeResponse", {"ChangeInfo": change_info(change, in_sync=call.store.in_sync(change))})


def _start(call: Call) -> tuple[str, str, str]:
    name, kind, identifier = (call.query.get(field, "") for field in ("name", "type", "identifier"))
    if kind and not name:
        raise invalid_input("StartRecordType needs a StartRecordName")
    if identifier and not kind:
        raise invalid_input("StartRecordIdentifier needs a StartRecordType")
    if kind and kind not in TYPES:
        raise invalid_input(f"Invalid record type: {kind}")
    return (order(canonical(name)) if name else "", kind, identifier)
