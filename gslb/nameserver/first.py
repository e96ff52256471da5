"""Whether the answers of a service that changed have been given yet. Noted once, where a query has no ready answer."""

import msgspec

from gslb.model.names import ServiceName


class First(msgspec.Struct, eq=False, gc=False):
    """The first answer of one version of a service. Any thread may look at it, and close it.

    Attributes:
        service: whose.
        generation: of the snapshot that brought this version.
        due: it is yet to be given, and worth a note.
    """

    service: ServiceName
    generation: int
    due: bool

    def close(self) -> None:
        """Take no note of it any more."""
        self.due = False


GIVEN = First(ServiceName("."), 0, due=False)
"""Of a service of which nobody wants to know."""
