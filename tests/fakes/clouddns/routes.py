"""Which action a request is, and what its query may say."""

from collections.abc import Mapping

from tests.fakes.clouddns.errors import Json, bad_json

_PROJECT = "/dns/v1/projects/{project}"
_ZONE = f"{_PROJECT}/managedZones/{{zone}}"
_RECORD = f"{_ZONE}/rrsets/{{name}}/{{type}}"
_PAGES = {"maxResults", "pageToken"}
_ALWAYS = {"prettyPrint", "fields", "alt", "quotaUser", "clientOperationId", "key", "access_token", "$.xgafv"}

ROUTES: dict[str, tuple[str, str, set[str]]] = {
    "projects.get": ("GET", _PROJECT, set()),
    "managedZones.list": ("GET", f"{_PROJECT}/managedZones", {*_PAGES, "dnsName"}),
    "managedZones.create": ("POST", f"{_PROJECT}/managedZones", set()),
    "managedZones.get": ("GET", _ZONE, set()),
    "managedZones.delete": ("DELETE", _ZONE, set()),
    "resourceRecordSets.list": ("GET", f"{_ZONE}/rrsets", {*_PAGES, "name", "type"}),
    "resourceRecordSets.create": ("POST", f"{_ZONE}/rrsets", set()),
    "resourceRecordSets.get": ("GET", _RECORD, set()),
    "resourceRecordSets.patch": ("PATCH", _RECORD, set()),
    "resourceRecordSets.delete": ("DELETE", _RECORD, set()),
    "changes.list": ("GET", f"{_ZONE}/changes", {*_PAGES, "sortBy", "sortOrder"}),
    "changes.create": ("POST", f"{_ZONE}/changes", set()),
    "changes.get": ("GET", f"{_ZONE}/changes/{{change}}", set()),
}
"""By action: method, path, and the query parameters that are its own."""


def writes(action: str) -> bool:
    return action.endswith((".create", ".patch", ".delete"))


def check_query(action: str, query: Mapping[str, str]) -> None:
    """Raises ApiError for a parameter that the action does not know."""
    for name in query.keys() - ROUTES[action][2] - _ALWAYS:
        raise bad_json(f"Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be found.")


def selected(document: Json, fields: str) -> Json:
    """The members that ``fields`` names; nested selections give the whole member."""
    if not fields or fields == "*":
        return document
    names = {field.partition("/")[0].partition("(")[0] for field in fields.split(",")}
    return {name: value for name, value in document.items() if name in names}
