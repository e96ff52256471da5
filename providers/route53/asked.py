"""A request as messages name it, what they say where it has no answer, and an error that is told apart in here."""

from dataclasses import dataclass

from providers.base import AuthFailedError

SILENT = "see https://health.aws.amazon.com; if that has nothing, check the network, HTTPS_PROXY and endpoint"
"""What to do where there is no answer, or a failure of the server's."""


class CredentialsError(AuthFailedError):
    """Who asks is not known: other credentials are needed, or a clock that is right."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the action of the API, what it is about, and whether it changes that."""

    action: str
    about: str
    writes: bool = False

    def __str__(self) -> str:
        """As messages begin."""
        return f"Route 53, {self.action} of {self.about}"
