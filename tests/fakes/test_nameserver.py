"""Both fakes can be asked over DNS, as dig does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import dns.message
import dns.query

from tests.fakes.account import create, plain
from tests.fakes.clouddns import FakeCloudDns
from tests.fakes.nameserver import Nameserver
from tests.waiting import free_port


def asked(port: int, name: str, kind: str = "A") -> set[str]:
    response = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=port, timeout=5)
    return {rdata.to_text() for rrset in response.answer for rdata in rrset}


@contextmanager
def process(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", f"tests.fakes.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as running:
        assert running.stdout is not None
        try:
            yield json.loads(running.stdout.readline())
        finally:
            running.terminate()


def test_route_53_answers_over_dns_what_was_written_over_http() -> None:
    port = free_port()
    with process("route53", "--zone", "example.com", "--dns", str(port)) as told:
        session = boto3.Session(aws_access_key_id="AKIDTEST", aws_secret_access_key="secret", region_name="us-east-1")
        client = session.client("route53", endpoint_url=told["url"])
        batch = {"Changes": create(plain("api", "192.0.2.1", "192.0.2.2"))}
        client.change_resource_record_sets(HostedZoneId=told["zones"]["example.com"], ChangeBatch=batch)
        client.close()
        assert asked(port, "api.example.com.") == {"192.0.2.1", "192.0.2.2"}
        assert asked(port, "other.example.com.") == set()


def test_cloud_dns_answers_over_dns() -> None:
    addition = {"name": "api.example.com.", "type": "A", "ttl": 60, "rrdatas": ["192.0.2.1"]}
    with FakeCloudDns() as fake:
        fake.create("example-com", "example.com.")
        fake.apply("example-com", {"additions": [addition], "deletions": []})
        with Nameserver(fake.answers) as server:
            assert asked(server.port, "API.example.com.") == {"192.0.2.1"}
    port = free_port()
    with process("clouddns", "--zone", "example.com", "--dns", str(port)):
        assert asked(port, "example.com.", "SOA")
