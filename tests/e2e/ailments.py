"""What can be wrong between a daemon and a provider, each at a stand-in of its own, and how it is put right again.

The daemon knows of none beforehand: its tables are in order, and it is files, roles, clocks and servers that are not.
"""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import trustme

from tests.e2e.clouds import PROJECT, Aws, Cloud, Gcp, aws, gcp
from tests.e2e.daemon import SERVICE
from tests.fakes.clouddns import Delay
from tests.fakes.clouddns.tokens import Tokens
from tests.fakes.route53 import Access
from tests.fakes.route53 import errors as amazon
from tests.fakes.route53.faults import refused, slow
from tests.waiting import free_port

ORIGIN = "example.com."
KEY, SECRET = "AKIDTEST", "secret"
SOON = "1s"
"""How long the daemon waits for an answer."""
NOBODY = "http://127.0.0.1:"


@dataclass(slots=True)
class Ailment:
    """One of them.

    Attributes:
        name: of the provider's table.
        type: of provider.
        table: its options.
        error: part of what is said of it.
        remedy: part of what is said to do about it.
        cure: puts it right.
        cloud: the stand-in; None until it is cured.
    """

    name: str
    type: str
    table: Mapping[str, Any]
    error: str
    remedy: str
    cure: Callable[[], object]
    cloud: Cloud | None

    def addresses(self) -> set[str]:
        """What the provider answers for the service."""
        return set(self.cloud.odds(f"{SERVICE}.", "A")) if self.cloud is not None else set()


class Ward:
    """All of them, and what the daemon has to have in its environment.

    Args:
        folder: for keys and certificates.
        stack: ends the stand-ins.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._credentials = folder / "aws-credentials"
        self._profiles: dict[str, dict[str, str]] = {}
        self._authorities = trustme.CA(), trustme.CA()
        trusted, self._chain = folder / "trusted.pem", folder / "adc.json"
        self._authorities[1].cert_pem.write_to_path(str(trusted))
        self._service_account = Tokens().service_account(PROJECT, "")
        self.environment = {
            "AWS_SHARED_CREDENTIALS_FILE": str(self._credentials),
            "AWS_CONFIG_FILE": str(folder / "aws-config"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CA_BUNDLE": str(trusted),
            "REQUESTS_CA_BUNDLE": str(trusted),
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._chain),
        }
        self.ailments = [*self._amazons(), *self._googles()]

    # Route 53

    def _amazons(self) -> Iterator[Ailment]:
        yield self._wrong_secret()
        yield self._expired_session()
        yield self._reader()
        yield self._no_hosted_zone()
        yield self._other_account()
        yield self._amazons_clock()
        yield self._amazons_certificate()
        yield self._amazon_hangs()
        yield self._amazon_is_down()

    def _amazon(self, *zones: str, **options: Any) -> Aws:
        return self._stack.enter_context(aws(*zones, **options))

    def _told(self, name: str, cloud: Aws, error: str, remedy: str, cure: Callable[[], object], **more: Any) -> Ailment:
        """With a profile of its own, in which the key is a good one unless it is said otherwise."""
        self._profile(name)
        table = {**cloud.table, "profile": name, "read_timeout": SOON, **more}
        return Ailment(name, "route53", table, error, remedy, cure, cloud)

    def _profile(self, name: str, secret: str = SECRET, token: str = "") -> None:
        session = {"aws_session_token": token} if token else {}
        self._profiles[name] = {"aws_access_key_id": KEY, "aws_secret_access_key": secret, **session}
        parts = [
            f"[{each}]\n" + "".join(f"{key} = {value}\n" for key, value in section.items())
            for each, section in self._profiles.items()
        ]
        fresh = self._credentials.with_suffix(".new")
        fresh.write_text("\n".join(parts))
        fresh.replace(self._credentials)

    def _wrong_secret(self) -> Ailment:
        cloud = self._amazon(ORIGIN, access=Access(secrets={KEY: SECRET}))
        told = "SignatureDoesNotMatch", "check the secret access key"
        found = self._told("aws-secret", cloud, *told, lambda: self._profile("aws-secret"))
        self._profile("aws-secret", secret="another")
        return found

    def _expired_session(self) -> Ailment:
        cloud = self._amazon(ORIGIN, access=Access(expired={"old"}))
        told = "ExpiredToken", "renew the credentials"
        found = self._told("aws-expired", cloud, *told, lambda: self._profile("aws-expired", token="new"))
        self._profile("aws-expired", token="old")
        return found

    def _reader(self) -> Ailment:
        cloud = self._amazon(ORIGIN, access=Access(read_only={KEY}))
        told = "AccessDenied", "allow route53:ChangeResourceRecordSets"
        return self._told("aws-reader", cloud, *told, cloud.fake.access.read_only.clear)

    def _no_hosted_zone(self) -> Ailment:
        cloud = self._amazon()
        return self._told(
            "aws-zone", cloud, "there is no public zone for example.com.", "create it", lambda: cloud.host(ORIGIN)
        )

    def _other_account(self) -> Ailment:
        cloud = self._amazon(ORIGIN)
        cloud.fake.faults.always(refused(amazon.no_zone("Z1")), None)
        told = "NoSuchHostedZone", "whose account the credentials are for"
        return self._told("aws-account", cloud, *told, cloud.fake.faults.clear)

    def _amazons_clock(self) -> Ailment:
        access = Access(offset=timedelta(hours=1))
        cloud = self._amazon(ORIGIN, access=access)

        def set_right() -> None:
            access.offset = timedelta()

        return self._told("aws-clock", cloud, "Signature expired", "set the clock of this machine", set_right)

    def _amazons_certificate(self) -> Ailment:
        context, renew = self._certificate()
        cloud = self._amazon(ORIGIN, tls=context)
        return self._told("aws-tls", cloud, "certificate verify failed", "AWS_CA_BUNDLE", renew)

    def _amazon_hangs(self) -> Ailment:
        cloud = self._amazon(ORIGIN)
        cloud.fake.faults.always(slow(before=inf))
        told = "no answer within 1 s; it may have been written", "check the network"
        return self._told("aws-hangs", cloud, *told, cloud.fake.faults.clear)

    def _amazon_is_down(self) -> Ailment:
        port = free_port()
        table = {"endpoint": f"{NOBODY}{port}", "profile": "aws-down", "read_timeout": SOON}
        self._profile("aws-down")
        told = "Could not connect", "check the network"
        return self._down("aws-down", "route53", table, told, lambda: self._amazon(ORIGIN, port=port))

    # Cloud DNS

    def _googles(self) -> Iterator[Ailment]:
        yield self._key("gcp-key", self._folder / "gcp-key.json", {"credentials": str(self._folder / "gcp-key.json")})
        yield self._key("gcp-chain", self._chain, {})
        yield self._expired_token()
        yield self._viewer()
        yield self._no_managed_zone()
        yield self._other_project()
        yield self._googles_clock()
        yield self._googles_certificate()
        yield self._google_hangs()
        yield self._google_is_down()

    def _google(self, *zones: str, **options: Any) -> Gcp:
        return self._stack.enter_context(gcp(*zones, **options))

    def _said(self, name: str, cloud: Gcp, error: str, remedy: str, cure: Callable[[], object], **more: Any) -> Ailment:
        return Ailment(name, "clouddns", {**cloud.table, **more}, error, remedy, cure, cloud)

    def _key(self, name: str, path: Path, who: Mapping[str, Any]) -> Ailment:
        """A key file of an account that is no more."""
        cloud = self._google(ORIGIN)
        cloud.fake.tokens.required = True
        document = self._service_account | {"token_uri": cloud.fake.token_uri}
        path.write_text(json.dumps(document))

        def renew() -> None:
            other = document | {"client_email": f"other@{PROJECT}.iam.gserviceaccount.com"}
            cloud.fake.tokens.register(other)
            path.write_text(json.dumps(other))

        table = {"endpoint": cloud.url, "project": PROJECT, **who}
        return Ailment(name, "clouddns", table, "account not found", "name another one", renew, cloud)

    def _expired_token(self) -> Ailment:
        cloud = self._google(ORIGIN)
        cloud.fake.faults.expire()
        remedy = "gcloud auth application-default login"
        return self._said("gcp-expired", cloud, "(401)", remedy, cloud.fake.faults.clear)

    def _viewer(self) -> Ailment:
        cloud = self._google(ORIGIN)
        cloud.fake.faults.read_only()
        return self._said("gcp-reader", cloud, "(403)", "a role with dns.changes.create", cloud.fake.faults.clear)

    def _no_managed_zone(self) -> Ailment:
        cloud = self._google()
        told = "there is no public zone for example.com.", "gcloud dns managed-zones create"
        return self._said("gcp-zone", cloud, *told, lambda: cloud.host(ORIGIN))

    def _other_project(self) -> Ailment:
        cloud = self._google(ORIGIN)
        cloud.fake.faults.lose_project(PROJECT)
        return self._said("gcp-project", cloud, "(404)", "look at project", cloud.fake.faults.clear)

    def _googles_clock(self) -> Ailment:
        cloud = self._google(ORIGIN, key=self._folder / "gcp-clock.json")
        cloud.fake.tokens.wall = lambda: time.time() + 7200

        def set_right() -> None:
            cloud.fake.tokens.wall = time.time

        return self._said("gcp-clock", cloud, "reasonable timeframe", "the clock of this machine is wrong", set_right)

    def _googles_certificate(self) -> Ailment:
        context, renew = self._certificate()
        cloud = self._google(ORIGIN, tls=context)
        return self._said("gcp-tls", cloud, "certificate verify failed", "REQUESTS_CA_BUNDLE", renew)

    def _google_hangs(self) -> Ailment:
        cloud = self._google(ORIGIN)
        cloud.fake.faults.add("changes.create", Delay(inf), times=None)
        told = "changes.create: no answer within 1 s", "https://status.cloud.google.com"
        return self._said("gcp-hangs", cloud, *told, cloud.fake.faults.clear)

    def _google_is_down(self) -> Ailment:
        port = free_port()
        table = {"endpoint": f"{NOBODY}{port}", "project": PROJECT, "anonymous": True}
        told = "Connection refused", "look at endpoint"
        return self._down("gcp-down", "clouddns", table, told, lambda: self._google(ORIGIN, port=port))

    @staticmethod
    def _down(
        name: str, kind: str, table: Mapping[str, Any], told: tuple[str, str], start: Callable[[], Cloud]
    ) -> Ailment:
        """Nobody listens there until somebody is started."""

        def cure() -> None:
            found.cloud = start()

        found = Ailment(name, kind, table, *told, cure, None)
        return found

    def _certificate(self) -> tuple[ssl.SSLContext, Callable[[], None]]:
        """One by an authority that nobody trusts, and what puts another one in its place."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        good, bad = (authority.issue_cert("127.0.0.1") for authority in reversed(self._authorities))
        bad.configure_cert(context)
        return context, lambda: good.configure_cert(context)


@contextmanager
def ward(folder: Path) -> Iterator[Ward]:
    with ExitStack() as stack:
        yield Ward(folder, stack)
