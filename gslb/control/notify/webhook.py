"""A webhook: one request for each event."""

from collections.abc import Sequence
from typing import Any

from gslb.config.notify import WebhookSection
from gslb.control.notify.post import Poster, PostError, Reply
from gslb.control.notify.waiting import UndeliveredError, Waiting
from gslb.model.template import render

DOCUMENT = {
    name: f"{{{name}}}"
    for name in ("id", "event", "at", "severity", "text", "services", "region", "endpoint", "node", "lost", "details")
}
"""What is posted where no template says otherwise."""

_AGAIN = (408, 429)
"""Request Timeout and Too Many Requests: the only refusals that are over by themselves."""


class WebhookSender:
    """Posts to the receiver of one channel.

    Args:
        options: of the channel.
        node: name of this controller.
    """

    most = 1

    def __init__(self, options: WebhookSection, node: str) -> None:
        self._options, self._node, self._poster = options, node, Poster(options)

    async def deliver(self, waiting: Sequence[Waiting], lost: int) -> None:
        """See Sender."""
        for each in waiting:
            document = render(self._options.template or DOCUMENT, values(each, lost, self._node))
            headers = {"Gslb-Lost": str(lost)} if lost else None
            try:
                reply = await self._poster.post(each.id, document, self._options.timeout, headers)
            except PostError as error:
                raise UndeliveredError(str(error)) from error
            if not reply.ok:
                raise _failure(reply)


def _failure(reply: Reply) -> UndeliveredError:
    again = reply.status in _AGAIN or reply.status >= 500  # noqa: PLR2004  RFC 9110, section 15.6
    return UndeliveredError(str(reply), again=again, after=reply.after)


def values(waiting: Waiting, lost: int, node: str) -> dict[str, Any]:
    """What a template has places for; see ``gslb.config.notify.PLACES``."""
    event = waiting.event
    return {
        "id": waiting.id,
        "event": str(event.name),
        "at": event.at_utc.isoformat(),
        "severity": str(event.severity),
        "text": event.text,
        "service": next(iter(event.services), None),
        "services": list(event.services),
        "region": event.region,
        "endpoint": event.endpoint,
        "node": node,
        "lost": lost,
        "details": dict(event.details),
    }
