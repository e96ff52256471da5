"""CIDR collections: made, changed, listed and deleted."""

from collections.abc import Sequence
from typing import TypeVar

from tests.fakes.route53 import xmltree
from tests.fakes.route53.call import Call, Reply, created, reply
from tests.fakes.route53.cidr import CidrChange, Collection, Put
from tests.fakes.route53.errors import ApiError, invalid_input
from tests.fakes.route53.records import DEFAULT, Cidr
from tests.fakes.route53.xmltree import Content

Item = TypeVar("Item")


def create_cidr_collection(call: Call) -> Reply:
    root = xmltree.parse(call.body)
    name, reference = xmltree.needed(root, "Name"), xmltree.needed(root, "CallerReference")
    for there in call.store.collections.values():
        if there.name == name and there.reference != reference:
            raise ApiError("CidrCollectionAlreadyExistsException", f"A CIDR collection named {name} exists already.")
        if there.name == name:
            return _made(there)
    if len(call.store.collections) >= (most := call.store.settings.cidr_collections):
        raise ApiError("LimitsExceeded", f"Limits Exceeded: MAX_CIDR_COLLECTIONS_PER_ACCOUNT {most}")
    collection = Collection(name, reference)
    call.store.collections[collection.id] = collection
    return _made(collection)


def change_cidr_collection(call: Call) -> Reply:
    root = xmltree.parse(call.body)
    changes = [
        CidrChange(
            _action(xmltree.needed(element, "Action")),
            _location(xmltree.needed(element, "LocationName")),
            tuple(xmltree.texts(element, "CidrList/Cidr")),
        )
        for element in (root.find("Changes") or ())
    ]
    version = xmltree.integer(root, "CollectionVersion")
    call.store.collection(call.path["collection"]).change(changes, version)
    return reply("ChangeCidrCollectionResponse", {"Id": call.store.submitted().id})


def delete_cidr_collection(call: Call) -> Reply:
    collection = call.store.collection(call.path["collection"])
    if collection.blocks or _used(call, collection):
        raise ApiError("CidrCollectionInUseException", f"CIDR collection {collection.id} is in use, and isn't empty.")
    del call.store.collections[collection.id]
    return reply("DeleteCidrCollectionResponse", {})


def list_cidr_collections(call: Call) -> Reply:
    collections = sorted(call.store.collections.values(), key=lambda collection: collection.name)
    page, token = _page(call, collections)
    # a list without a name for its members has them as "member"
    return reply(
        "ListCidrCollectionsResponse", {"NextToken": token, "CidrCollections": {"member": [_shown(it) for it in page]}}
    )


def list_cidr_locations(call: Call) -> Reply:
    collection = call.store.collection(call.path["collection"])
    page, token = _page(call, collection.locations())
    content: Content = {"member": [{"LocationName": name} for name in page]}
    return reply("ListCidrLocationsResponse", {"NextToken": token, "CidrLocations": content})


def list_cidr_blocks(call: Call) -> Reply:
    collection, location = call.store.collection(call.path["collection"]), call.query.get("location", "")
    if location and location not in collection.locations():
        raise ApiError("NoSuchCidrLocationException", f"No CIDR location found with name: {location}", 404)
    blocks = [(str(block), where) for block, where in collection.blocks.items() if location in {"", where}]
    page, token = _page(call, sorted(blocks))
    content: Content = {"member": [{"CidrBlock": block, "LocationName": where} for block, where in page]}
    return reply("ListCidrBlocksResponse", {"NextToken": token, "CidrBlocks": content})


def _made(collection: Collection) -> Reply:
    location = f"cidrcollection/{collection.id}"
    return created("CreateCidrCollectionResponse", {"Collection": _shown(collection)}, location)


def _shown(collection: Collection) -> Content:
    return {"Arn": collection.arn, "Id": collection.id, "Name": collection.name, "Version": collection.version}


def _action(text: str) -> Put:
    try:
        return Put(text)
    except ValueError:
        raise invalid_input(f"Invalid action: {text}") from None


def _location(text: str) -> str:
    if text == DEFAULT:
        raise invalid_input("The default location has no blocks")
    return text


def _page(call: Call, items: Sequence[Item]) -> tuple[Sequence[Item], str | None]:
    """Some items, and where the next page starts; tokens are numbers here."""
    start, most = int(call.query.get("nexttoken", "0")), call.most("maxresults")
    following = start + most
    return items[start:following], str(following) if following < len(items) else None


def _used(call: Call, collection: Collection) -> bool:
    return any(
        isinstance(record_set.routing, Cidr) and record_set.routing.collection == collection.id
        for zone in call.store.zones.values()
        for record_set in zone.listed()
    )
