"""boto3 against a fake Route 53, and batches in a few words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.route53 import FakeRoute53

Wire = dict[str, Any]
"""As boto3 has it."""

_SESSION = boto3.Session(aws_access_key_id="AKIDTEST", aws_secret_access_key="secret", region_name="us-east-1")
ZONE = "example.com."


def connected(fake: FakeRoute53, service: str = "route53", *, patience: float = 5, **options: Any) -> Any:
    """A client that tries once and does not check what the server is to check."""
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=patience)
    return _SESSION.client(service, endpoint_url=fake.url, config=config, **options)


def create(*record_sets: Wire) -> list[Wire]:
    return [{"Action": "CREATE", "ResourceRecordSet": record_set} for record_set in record_sets]


def delete(*record_sets: Wire) -> list[Wire]:
    return [{"Action": "DELETE", "ResourceRecordSet": record_set} for record_set in record_sets]


def upsert(*record_sets: Wire) -> list[Wire]:
    return [{"Action": "UPSERT", "ResourceRecordSet": record_set} for record_set in record_sets]


def plain(label: str, *values: str, kind: str = "A", ttl: int = 60, **routing: Any) -> Wire:
    """A record set with values. ``routing`` are members such as Weight; they need an ``id``."""
    records = [{"Value": value} for value in values or ("192.0.2.1",)]
    return {**_head(label, kind, routing), "TTL": ttl, "ResourceRecords": records}


def alias(zone: str, label: str, target: str, kind: str = "A", **routing: Any) -> Wire:
    """An alias of another name of the zone."""
    name = target if target.endswith(".") else f"{target}.{ZONE}"
    to = {"HostedZoneId": zone, "DNSName": name, "EvaluateTargetHealth": False}
    return {**_head(label, kind, routing), "AliasTarget": to}


def _head(label: str, kind: str, routing: dict[str, Any]) -> Wire:
    name = label if label.endswith(".") else f"{label}.{ZONE}"
    identifier = routing.pop("id", None)
    return {"Name": name, "Type": kind, **({"SetIdentifier": identifier} if identifier else {}), **routing}


@dataclass(slots=True)
class Account:
    """A client, and the one zone that it works on."""

    fake: FakeRoute53
    client: Any
    zone: str

    def change(self, *changes: list[Wire]) -> Wire:
        """Send one batch; what is told of it."""
        batch = {"Changes": [change for several in changes for change in several]}
        info: Wire = self.client.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=batch)["ChangeInfo"]
        return info

    def refused(self, *changes: list[Wire], code: str = "InvalidChangeBatch") -> str:
        """Send one batch that is refused; for what reason. Nothing was changed."""
        before = self.fake.record_sets(self.zone)
        why = refusal(lambda: self.change(*changes), code)
        assert self.fake.record_sets(self.zone) == before
        return why

    def listed(self, **options: Any) -> Wire:
        page: Wire = self.client.list_resource_record_sets(HostedZoneId=self.zone, **options)
        return page

    def held(self, label: str) -> list[Wire]:
        """What is listed of a name."""
        name = label if label.endswith(".") else f"{label}.{ZONE}"
        every: Sequence[Wire] = self.listed()["ResourceRecordSets"]
        return [record_set for record_set in every if record_set["Name"] == name]


def refusal(call: Callable[[], object], code: str) -> str:
    """The message of the error that a call ends in."""
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    return str(error["Message"])
