"""Who asks, as Google's library has it, and for which project. Nothing here is imported before an account is opened."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth
from google.auth.credentials import AnonymousCredentials
from google.auth.impersonated_credentials import Credentials as ImpersonatedCredentials
from google.cloud.dns import Client
from google.oauth2.service_account import Credentials as ServiceAccountCredentials

from providers.base import AuthFailedError, RejectedError

if TYPE_CHECKING:
    from providers.clouddns import CloudDns

Credentials = Any
"""google.auth.credentials.Credentials, most methods of which have no annotations"""


def find(options: "CloudDns") -> tuple[Credentials, str]:
    """The credentials and the project that ``options`` mean. Google's own chain may ask the network for them.

    Raises:
        GoogleAuthError: there are none.
        AuthFailedError: the file cannot be used.
        RejectedError: nobody says which project.
    """
    if options.anonymous:
        credentials, project = _nobody(), None
    elif options.credentials is not None:
        credentials = _of_file(options.credentials)
        project = credentials.project_id
    else:
        credentials, project = google.auth.default(scopes=Client.SCOPE)
    if options.impersonate is not None:
        credentials = _impersonated(credentials, options.impersonate)
    found = options.project or project
    if found is None:
        raise RejectedError("these credentials belong to no project", "write project, the id of the one to use")
    return credentials, found


def _nobody() -> Credentials:
    make: Any = AnonymousCredentials  # which has no annotations, as those below
    return make()


def _of_file(path: Path) -> Credentials:
    make: Any = ServiceAccountCredentials.from_service_account_info
    remedy = "credentials needs the path of a key file of a service account; other kinds go by Google's own chain"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004, TRY301  as what is no JSON at all
        return make(document, scopes=Client.SCOPE)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AuthFailedError(f"{path} cannot be used: {reason}", remedy) from error


def _impersonated(source: Credentials, account: str) -> Credentials:
    make: Any = ImpersonatedCredentials
    return make(source_credentials=source, target_principal=account, target_scopes=Client.SCOPE)
