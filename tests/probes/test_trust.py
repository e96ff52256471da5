"""What probes trust and present: options that are refused in clear words, and files that change under way."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError
from structlog.testing import capture_logs

from gslb.model.observation import Cause
from probes.http import Https
from probes.net import trust as module
from probes.net.trust import Ticket, TlsOptions, Trust, make_context, trust_of
from probes.tls import Tls
from tests.probes.attempts import attempt_of, networking
from tests.probes.certificates import Authority, new_authority
from tests.probes.listening import gone, head_of, listening

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)


@pytest.fixture(name="pem")
def _pem(authority: Authority, tmp_path: Path) -> Path:
    file = tmp_path / "client.pem"
    file.write_bytes(authority.client_pem("first.test"))
    return file


def options(**given: object) -> TlsOptions:
    return TlsOptions.model_validate(given)


def replace_with(file: Path, content: bytes) -> None:
    """As those do who know how: readers see the old file or the new one."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(file)


def test_by_default_certificates_and_names_are_verified_with_nothing_older_than_tls_1_2() -> None:
    context = make_context(TlsOptions())
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_verification_can_be_left_out() -> None:
    context = make_context(options(verify=False))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


def test_ca_replaces_the_authorities_of_the_system(authority: Authority) -> None:
    assert len(make_context(options(**authority.trust)).get_ca_certs()) == 1


def test_one_trust_is_shared_by_all_who_have_the_same_options(authority: Authority) -> None:
    assert trust_of(options(**authority.trust)) is trust_of(options(**authority.trust))
    assert trust_of(options(**authority.trust)) is not trust_of(options(**authority.trust), ("h2",))
    assert trust_of(options(**authority.trust)) is not trust_of(options(verify=False, **authority.trust))


def encrypted(authority: Authority) -> bytes:
    leaf = authority.ca.issue_cert("first.test")
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    return text + leaf.cert_chain_pems[0].bytes()


def foreign_key(authority: Authority) -> bytes:
    other = authority.ca.issue_cert("other.test")
    return authority.ca.issue_cert("first.test").cert_chain_pems[0].bytes() + other.private_key_pem.bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda _: b"", r"client\.pem cannot be used: .+; certificate and key need PEM files that belong together"),
        (lambda _: b"\x00\xff" * 999, r"client\.pem cannot be used: .+; certificate and key need PEM files"),
        (encrypted, r"client\.pem cannot be used: .+ the key without a password"),
        (foreign_key, r"client\.pem cannot be used: KEY_VALUES_MISMATCH; certificate and key need PEM files"),
        (lambda _: None, r"client\.pem cannot be used: No such file or directory; certificate and key need PEM files"),
    ],
    ids=["empty", "garbage", "key with a password", "another's key", "missing"],
)
def test_a_client_certificate_that_cannot_be_used_is_refused_in_clear_words(
    content: Callable[[Authority], bytes | None], reason: str, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "client.pem"
    octets = content(authority)
    if octets is not None:
        file.write_bytes(octets)
    with pytest.raises(ValidationError, match=reason):
        options(certificate=str(file))


@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "missing"])
def test_an_authority_that_cannot_be_used_is_refused_in_clear_words(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValidationError, match=r"ca\.pem cannot be used: .+; ca needs a PEM file of certificates"):
        options(ca=str(file))


def test_a_key_without_certificate_is_refused(pem: Path) -> None:
    with pytest.raises(ValidationError, match="key is given without certificate; add the certificate"):
        options(key=str(pem))


def test_certificate_and_key_may_be_two_files(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.ca.issue_cert("first.test")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(leaf.cert_chain_pems[0].bytes())
    key.write_bytes(leaf.private_key_pem.bytes())
    options(certificate=str(certificate), key=str(key))
    with pytest.raises(ValidationError, match=r"certificate\.pem and .*certificate\.pem cannot be used"):
        options(certificate=str(certificate), key=str(certificate))


@pytest.mark.parametrize(
    "name", ["a", "a.b", "a_b.c-d", "xn--a.b", "127.0.0.1", "::1", "2001:db8::7", "::ffff:1.2.3.4"]
)
def test_names_that_can_be_sent_or_verified_are_taken(name: str) -> None:
    assert options(name=name).name == name


@pytest.mark.parametrize("name", ["", ".", ".a", "a..b", "a b", "a/b", "x:y", "[::1]", "a" * 64, "a." * 130])
def test_names_that_tls_could_not_carry_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        options(name=name)


def test_a_file_that_has_not_changed_is_not_read_again(pem: Path) -> None:
    trust = Trust(options(certificate=str(pem)))
    assert trust.context() is trust.context()


def test_files_are_not_looked_at_all_the_time(monkeypatch: pytest.MonkeyPatch, pem: Path, authority: Authority) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 3600.0)
    trust = Trust(options(certificate=str(pem)))
    before = trust.context()
    replace_with(pem, authority.client_pem("second.test"))
    assert trust.context() is before


def test_without_files_there_is_nothing_to_look_at() -> None:
    trust = Trust(TlsOptions())
    assert trust.context() is trust.context()


def test_a_file_that_is_replaced_is_read_again_and_only_once(pem: Path, authority: Authority) -> None:
    trust = Trust(options(certificate=str(pem)))
    before = trust.context()
    replace_with(pem, authority.client_pem("second.test"))
    with capture_logs() as logs:
        after = trust.context()
        assert trust.context() is after
    assert after is not before
    assert [entry["event"] for entry in logs] == ["TLS files read again"]


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(file.read_bytes()[:99]), Path.unlink])
def test_a_file_that_is_half_written_or_gone_leaves_the_old_one_in_force_and_warns_once(
    spoil: Callable[[Path], object], pem: Path, authority: Authority
) -> None:
    trust = Trust(options(certificate=str(pem)))
    before = trust.context()
    spoil(pem)
    with capture_logs() as logs:
        assert trust.context() is before
        assert trust.context() is before
    assert [(entry["log_level"], entry["event"]) for entry in logs] == [
        ("warning", "changed TLS files cannot be used, going on with the former ones")
    ]
    assert str(pem) in logs[0]["reason"]
    pem.write_bytes(authority.client_pem("second.test"))
    assert trust.context() is not before


async def test_a_client_certificate_that_is_replaced_is_presented_from_the_next_attempt_on(
    authority: Authority, pem: Path
) -> None:
    """Even where a session with the old one could be resumed."""
    clients: list[tuple[str, bool | None]] = []

    def script(connection: ssl.SSLSocket) -> None:
        certificate: dict[str, Any] = connection.getpeercert() or {}
        names = [str(value) for _, value in certificate.get("subjectAltName", ())]
        clients.append((names[0], connection.session_reused))
        head_of(connection)
        connection.sendall(OK)
        gone(connection)

    probe = Https.model_validate({"tls": authority.trust | {"certificate": str(pem), "resume": "1h"}})
    with listening(script, authority.server(clients=authority)) as target, networking() as network:  # type: ignore[arg-type]
        session = probe.session(target, network)
        for change in (None, None, authority.client_pem("second.test"), pem.read_bytes()[:99]):
            if change is not None:
                replace_with(pem, change)
            seen = await attempt_of(session, network)
            assert seen.ok, seen
        session.close()
    assert clients == [("first.test", False), ("first.test", True), ("second.test", False), ("second.test", True)]


async def test_an_authority_that_is_replaced_is_trusted_from_the_next_attempt_on(tmp_path: Path) -> None:
    old, new = new_authority(tmp_path, "old"), new_authority(tmp_path, "new")
    with listening(gone, new.server()) as target, networking() as network:
        session = Tls.model_validate({"tls": old.trust}).session(target, network)
        assert (await attempt_of(session, network)).cause is Cause.CERTIFICATE
        replace_with(old.file, new.file.read_bytes())
        assert (await attempt_of(session, network)).ok
        session.close()


def test_a_ticket_is_for_one_context_and_lasts_as_long_as_it_is_told() -> None:
    context = make_context(options(verify=False))
    assert Ticket(0.0).session(context) is None
    assert Ticket(3600.0).session(context) is None
