"""A request on its way through a handler, and the reply to it; what handlers share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.fakes.route53.errors import invalid_input
from tests.fakes.route53.journal import Entry
from tests.fakes.route53.store import Store, Submitted
from tests.fakes.route53.xmltree import Content, document


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        store: what the account holds.
        path: what the URL's path names: ``{"zone": "Z1"}``.
        query: of the URL.
        body: XML.
        entry: of the journal.
    """

    store: Store
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    entry: Entry

    def most(self, name: str = "maxitems", most: int = 100) -> int:
        """How many items a page has.

        Raises:
            ApiError: that is no number from 1 on.
        """
        text = self.query.get(name, str(most))
        if not (text.isascii() and text.isdecimal() and int(text)):
            raise invalid_input(f"Invalid {name}: {text}")
        return min(int(text), most)


@dataclass(frozen=True, slots=True)
class Reply:
    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def reply(root: str, content: Mapping[str, Content]) -> Reply:
    """A document."""
    return Reply(document(root, content))


def created(root: str, content: Mapping[str, Content], location: str) -> Reply:
    """Something is there now that was not, at a URL of its own."""
    return Reply(document(root, content), 201, {"Location": f"https://route53.amazonaws.com/2013-04-01/{location}"})


def change_info(change: Submitted, *, in_sync: bool) -> Content:
    """As it is told."""
    at = datetime.fromtimestamp(change.at, UTC)
    return {
        "Id": f"/change/{change.id}",
        "Status": "INSYNC" if in_sync else "PENDING",
        "SubmittedAt": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
        "Comment": change.comment or None,
    }
