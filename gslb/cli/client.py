"""Talks to a running daemon: finds it, asks it, and turns its refusals into errors."""

import http.client
import json
import os
import socket
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from gslb.cli.demo.folder import found_demo_folder
from gslb.cli.places import API_SOCKET, TOKEN
from gslb.config.configuration import database_file, run_folder
from gslb.config.environment import expand
from gslb.config.node import NodeSection
from gslb.errors import DaemonError, GslbError

TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Daemon:
    """Where a daemon can be asked.

    Attributes:
        url: ``http://127.0.0.1:8053``, or ``unix:/path/api.sock``.
        token: file with the API token.
    """

    url: str
    token: Path | None

    def get(self, path: str, **query: str) -> Any:
        """The JSON at ``path``.

        Raises:
            DaemonError: unreachable, or an error.
        """
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the daemon says to ``body``; see ``get``."""
        return self._ask("POST", path, json.dumps(body).encode())

    def delete(self, path: str, **query: str) -> Any:
        """What the daemon says to the deletion of ``path``; see ``get``."""
        return self._ask("DELETE", f"{path}?{urlencode(query)}")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        try:
            connection = _connection(self.url)
        except ValueError as error:
            remedy = "write http://127.0.0.1:8053 or unix:/path/api.sock"
            raise DaemonError(f"{self.url!r} is not an address of the API: {error}", remedy) from None
        try:
            connection.request(method, path, body, self._headers(method))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise DaemonError(
                f"no daemon at {self.url}: {reason}", "start one with gslb run CONFIG, or name it with --api"
            ) from None
        finally:
            connection.close()
        return _checked(response.status, answer, self.url)

    def _headers(self, method: str) -> dict[str, str]:
        if method == "GET":
            return {}
        if self.token is None:
            raise DaemonError("this needs the API token", "name its file with --token-file or GSLB_TOKEN_FILE")
        try:
            # Not through a link: whoever may write beside the socket could have another file sent to himself.
            with os.fdopen(os.open(self.token, os.O_RDONLY | os.O_NOFOLLOW), encoding="ascii") as file:
                (token,) = file.read().split()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not a token"
            remedy = "run this as the daemon's user, or name another file with --token-file"
            raise DaemonError(f"{self.token}: API token: {reason}", remedy) from None
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def find_daemon(api: str | None, token_file: Path | None, config: Path | None) -> Daemon:
    """Where to ask: ``--api``, then GSLB_API, then the socket beside the state of the configuration, then the demo.

    Raises:
        DaemonError: none of these is there.
    """
    url = api or os.environ.get("GSLB_API")
    named = token_file or (Path(given) if (given := os.environ.get("GSLB_TOKEN_FILE")) else None)
    if url:
        return Daemon(url, named)
    folders = [run_folder_of(config)] if config else [run_folder_of(Path("gslb.toml")), *demo_folders()]
    for folder in folders:
        if (folder / API_SOCKET).exists():
            return Daemon(f"unix:{folder / API_SOCKET}", named or folder / TOKEN)
    looked = ", ".join(str(folder / API_SOCKET) for folder in folders)
    raise DaemonError(
        f"no running daemon found at {looked}", "start one with gslb run CONFIG, or name it with --api or --config"
    )


def demo_folders() -> Iterator[Path]:
    """The run folder of the demo, if there is one."""
    if folder := found_demo_folder():
        yield run_folder(folder / "gslb.db")


def run_folder_of(config: Path) -> Path:
    """The run folder of a configuration, which may have faults by now and is still that of the running daemon."""
    state = str(NodeSection.model_fields["state"].default)
    with suppress(OSError, ValueError, KeyError, TypeError):
        state = expand(str(tomllib.loads(config.read_text())["node"]["state"]), os.environ)
    return run_folder(database_file(config, state))


def _connection(url: str) -> http.client.HTTPConnection:
    if url.startswith("unix:"):
        return _UnixConnection(url.removeprefix("unix:"))
    parts = urlsplit(url if "//" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise DaemonError(f"{url!r} is not an address of the API", "write http://127.0.0.1:8053 or unix:/path/api.sock")
    return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(self._path)


def _checked(status: int, answer: bytes, url: str) -> Any:
    try:
        document = json.loads(answer)
    except ValueError:
        message = f"{url} did not answer with JSON (HTTP {status})"
        raise DaemonError(message, "check that gslb listens there", status) from None
    if status < http.HTTPStatus.BAD_REQUEST:
        return document
    if problems := document.get("problems"):
        raise GslbError("\n".join(problems))
    raise DaemonError(str(document.get("detail", f"HTTP {status}")), str(document.get("remedy", "")), status)
