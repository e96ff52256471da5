"""Certificates of a test's own authority, and servers' contexts with them."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from tests.probes.listening import NAME


@dataclass(frozen=True)
class Authority:
    """An authority and the file that makes it trusted."""

    ca: trustme.CA
    file: Path

    @property
    def trust(self) -> dict[str, str]:
        """Options of a probe that trusts it."""
        return {"ca": str(self.file)}

    def server(
        self,
        *names: str,
        since: timedelta = timedelta(days=-1),
        until: timedelta = timedelta(days=30),
        version: ssl.TLSVersion | None = None,
        clients: "Authority | None" = None,
    ) -> ssl.SSLContext:
        """A server's context with a certificate for ``names``, valid from now + since to now + until."""
        now = datetime.now(UTC)
        certificate = self.ca.issue_cert(*(names or (NAME,)), not_before=now + since, not_after=now + until)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            clients.ca.configure_trust(context)
        return context

    def client_pem(self, name: str) -> bytes:
        """A client's certificate and its key, as one file."""
        return self.ca.issue_cert(name).private_key_and_cert_chain_pem.bytes()


def new_authority(folder: Path, name: str = "authority") -> Authority:
    ca = trustme.CA()
    file = folder / f"{name}.pem"
    ca.cert_pem.write_to_path(str(file))
    return Authority(ca, file)
