"""Bearer tokens and the OAuth2 token endpoint that gives them out: to service accounts and for refresh tokens."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.fakes.clouddns.errors import ApiError, Json, Reason, login_required, unauthenticated

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600.0
LEEWAY = 300.0
"""Seconds by which clocks may differ."""
AUDIENCE = "https://oauth2.googleapis.com/token"
"""What google-auth writes as the audience, wherever the endpoint is."""
_WRITING = {
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/ndev.clouddns.readwrite",
}


class GrantError(Exception):
    """A refusal of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error

    def to_json(self) -> Json:
        return {"error": self.error, "error_description": str(self)}


@dataclass(frozen=True, slots=True)
class Token:
    """Until when it is valid, in seconds since 1970, and whether it may only read."""

    expires: float
    read_only: bool


@dataclass(slots=True)
class Tokens:
    """The tokens that were given out. ``required``: without a valid one, no request is served."""

    required: bool = False
    wall: Callable[[], float] = time.time
    valid: dict[str, Token] = field(default_factory=dict)
    refreshing: set[str] = field(default_factory=set)
    granted: int = 0
    _accounts: dict[str, rsa.RSAPublicKey] = field(default_factory=dict)

    def issue(self, lifetime: float = LIFETIME, *, read_only: bool = False) -> str:
        """A new bearer token."""
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self.valid[token] = Token(self.wall() + lifetime, read_only)
        return token

    def expire(self) -> None:
        """Let all tokens that are out expire now."""
        self.valid.clear()

    def refresh_token(self) -> str:
        """A new refresh token; ``refreshing`` has those that are not revoked."""
        token = f"1//{secrets.token_urlsafe(24)}"
        self.refreshing.add(token)
        return token

    def service_account(self, project: str, token_uri: str, name: str = "gslb") -> Json:
        """The key file of a new service account, as the console gives it out."""
        key = rsa.generate_private_key(65537, 2048)
        email = f"{name}@{project}.iam.gserviceaccount.com"
        document = {
            "type": "service_account",
            "project_id": project,
            "private_key_id": secrets.token_hex(20),
            "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "client_email": email,
            "client_id": str(secrets.randbelow(10**20)),
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }
        self.register(document)
        return document

    def register(self, document: Json) -> None:
        """Make an account known by its key file, in place of the one that it had."""
        key = load_pem_private_key(document["private_key"].encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._accounts[document["client_email"]] = key.public_key()

    def disable(self, email: str) -> None:
        """Let a service account be no more."""
        del self._accounts[email]

    def check(self, header: str | None, *, writes: bool) -> ApiError | None:
        """The refusal of a request by its Authorization header."""
        if not self.required:
            return None
        if not header:
            return login_required()
        token = self.valid.get(header.removeprefix("Bearer "))
        if token is None or token.expires <= self.wall():
            return unauthenticated()
        if token.read_only and writes:
            text = "Request had insufficient authentication scopes."
            return ApiError(403, [Reason(text, "insufficientPermissions")], "PERMISSION_DENIED")
        return None

    def grant(self, form: Mapping[str, Any], url: str) -> Json:
        """A token, for a signed assertion (RFC 7523) or a refresh token; raises GrantError."""
        match form.get("grant_type"):
            case "refresh_token":
                if form.get("refresh_token") not in self.refreshing:
                    raise GrantError("invalid_grant", "Token has been expired or revoked.")
                read_only = False
            case grant if grant == JWT_GRANT:
                read_only = not _WRITING & self._scopes(str(form.get("assertion", "")), url)
            case _:
                raise GrantError("unsupported_grant_type", "Invalid grant_type")
        self.granted += 1
        return {
            "access_token": self.issue(read_only=read_only),
            "expires_in": int(LIFETIME),
            "token_type": "Bearer",
        }

    def _scopes(self, assertion: str, url: str) -> set[str]:
        try:
            head, body, signature = assertion.split(".")
            claims = json.loads(_decoded(body))
            key = self._accounts[claims["iss"]]
        except ValueError:
            raise GrantError("invalid_grant", "Invalid JWT: malformed.") from None
        except KeyError:
            raise GrantError("invalid_grant", "Invalid grant: account not found") from None
        try:
            key.verify(_decoded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            raise GrantError("invalid_grant", "Invalid JWT Signature.") from None
        if claims.get("aud") not in {AUDIENCE, url}:
            raise GrantError("invalid_grant", "Invalid JWT: Failed audience check.")
        now, issued, expires = self.wall(), claims.get("iat", 0), claims.get("exp", 0)
        if not issued - LEEWAY <= now < expires + LEEWAY or expires - issued > LIFETIME:
            frame = "a short-lived token (60 minutes) and in a reasonable timeframe."
            claim = "Check your iat and exp values in the JWT claim."
            raise GrantError("invalid_grant", f"Invalid JWT: Token must be {frame} {claim}")
        return set(str(claims.get("scope", "")).split())


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
