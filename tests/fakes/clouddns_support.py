"""Ways to ask the fake Cloud DNS: with Google's client, and with plain HTTP where that cannot say a thing."""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.fakes.clouddns import FakeCloudDns

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ImportWarning)  # google.api_core asks for grpcio-status, which nothing here uses
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.credentials import AnonymousCredentials, Credentials
    from google.cloud.dns import Client

ZONE = "example-com"
RECORDS = f"/managedZones/{ZONE}/rrsets"
CHANGES = f"/managedZones/{ZONE}/changes"
CHECK = "https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/c"
Answer = tuple[int, Any]
Refused = GoogleAPICallError
"""What Google's client raises for whatever is not answered with 200."""


@contextmanager
def google(fake: FakeCloudDns, credentials: Credentials | None = None) -> Iterator[Any]:
    """A client of Google's."""
    options = {"api_endpoint": fake.url}
    client = Client(fake.project, credentials or _nobody(), client_options=options)
    try:
        yield client
    finally:
        client._http.close()


def _nobody() -> Credentials:
    make: Callable[[], Credentials] = AnonymousCredentials  # which has no annotations
    return make()


def send(
    fake: FakeCloudDns,
    method: str,
    path: str,
    body: object = None,
    *,
    token: str = "",
    project: str = "p",
    **query: Any,
) -> Answer:
    """The status and the document of an answer; the path is below that of the project."""
    url = f"{fake.url}/dns/v1/projects/{project}{path}{'?' if query else ''}{urlencode(query)}"
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urlopen(Request(url, data, headers, method=method), timeout=30) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def change(
    fake: FakeCloudDns, *additions: object, deletions: tuple[object, ...] = (), zone: str = ZONE, token: str = ""
) -> Answer:
    document = {"additions": list(additions), "deletions": list(deletions)}
    return send(fake, "POST", f"/managedZones/{zone}/changes", document, token=token)


def record(name: str = "www", kind: str = "A", *rrdatas: str, ttl: object = 60, **other: Any) -> dict[str, Any]:
    """A record set as it is sent; a name without a dot at its end is one in example.com."""
    full = name if name.endswith(".") else f"{name}.example.com."
    return {"name": full, "type": kind, "ttl": ttl} | ({"rrdatas": list(rrdatas)} if rrdatas else {}) | other


def weighted(name: str = "www", kind: str = "A", **weights: Any) -> dict[str, Any]:
    """Addresses 192.0.2.1, .2 ... with these weights, in their order."""
    values = [f"192.0.2.{index + 1}" for index in range(len(weights))]
    items = [{"weight": weight, "rrdatas": [value]} for weight, value in zip(weights.values(), values, strict=True)]
    return record(name, kind, routingPolicy={"wrr": {"items": items}})


def geo(*items: tuple[str, str], fencing: bool = False) -> dict[str, Any]:
    """A geo policy: location and address of each item."""
    listed = [{"location": location, "rrdatas": [address]} for location, address in items]
    return {"enableFencing": fencing, "items": listed}


def backed_up(trickle: object = 0.25) -> dict[str, Any]:
    """A primary, and two regions behind it."""
    policy = {
        "primaryTargets": {"externalEndpoints": ["192.0.2.1"]},
        "backupGeoTargets": geo(("europe-west3", "192.0.2.2"), ("us-east4", "192.0.2.3")),
        "trickleTraffic": trickle,
    }
    return record("www", "A", routingPolicy={"primaryBackup": policy, "healthCheck": CHECK})


def reason(answer: Answer) -> tuple[int, str]:
    """Status and first reason of a refusal."""
    status, document = answer
    return status, document["error"]["errors"][0]["reason"]
