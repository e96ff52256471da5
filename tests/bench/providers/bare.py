"""The same requests by the SDK alone, one after the other, without the pause: what nobody who uses it can save."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, process_time
from typing import Any

import boto3

from tests.bench.providers.changes import ADDRESSES, SERVICE
from tests.e2e.scenarios import ZONE

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ImportWarning)  # google.api_core asks for grpcio-status, which nothing here uses
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.dns import Client

Change = Callable[[int], object]
"""Takes the place of the change before, and looks whether it is settled, and there; it is told how many there were."""


def bare(kind: str, table: dict[str, Any], count: int) -> list[tuple[float, float]]:
    """Seconds, and seconds of processor time, of each of so many changes."""
    with {"route53": _amazon, "clouddns": _google}[kind](table) as change:
        found = []
        change(0)
        for number in range(1, count + 1):
            began, processor = monotonic(), process_time()
            change(number)
            found.append((monotonic() - began, process_time() - processor))
        return found


def _values(number: int) -> tuple[tuple[str, str, str], ...]:
    """Name, type and value of both record sets."""
    marker = f'"heritage=bench,owner=us,fence=0,generation={number}"'
    return (SERVICE, "A", ADDRESSES[number % len(ADDRESSES)]), (f"_bench.{SERVICE}", "TXT", marker)


@contextmanager
def _amazon(table: dict[str, Any]) -> Iterator[Change]:
    session = boto3.Session(aws_access_key_id="AKIDTEST", aws_secret_access_key="secret", region_name="us-east-1")
    client = session.client("route53", endpoint_url=table["endpoint"])
    (zone,) = client.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"]

    def entries(action: str, number: int) -> list[dict[str, Any]]:
        sets = [
            {"Name": name, "Type": kind, "TTL": 30, "ResourceRecords": [{"Value": value}]}
            for name, kind, value in _values(number)
        ]
        return [{"Action": action, "ResourceRecordSet": each} for each in sets]

    def change(number: int) -> None:
        batch = [*(entries("DELETE", number - 1) if number else []), *entries("CREATE", number)]
        told = client.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": batch})
        client.get_change(Id=told["ChangeInfo"]["Id"])
        client.list_resource_record_sets(HostedZoneId=zone["Id"])

    yield change
    client.close()


@contextmanager
def _google(table: dict[str, Any]) -> Iterator[Change]:
    nobody: Callable[[], Any] = AnonymousCredentials  # which has no annotations
    client = Client(table["project"], nobody(), client_options={"api_endpoint": table["endpoint"]})
    (zone,) = client.list_zones()

    def change(number: int) -> None:
        made = zone.changes()
        for add, each in ((made.delete_record_set, number - 1), (made.add_record_set, number)):
            for name, kind, value in _values(each) if each >= 0 else ():
                add(zone.resource_record_set(name, kind, 30, [value]))
        made.create()
        made.reload()
        list(zone.list_resource_record_sets())

    yield change
    client._http.close()
