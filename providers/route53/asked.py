"""A request as messages name it, and an error that is told apart within this package."""

from dataclasses import dataclass

from providers.base import AuthFailedError


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
