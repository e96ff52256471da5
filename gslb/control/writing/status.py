"""How it stands with a zone, for people."""

from gslb.control.writing.setup import WriterPlace, WriterState
from gslb.control.writing.writer import ZoneWriter


def place_of(writer: ZoneWriter) -> WriterPlace:
    """The zone of ``writer``, as status shows it."""
    site, now = writer.site, writer.site.now
    standings = sorted(site.standings.items())
    blocked = {name: it.blocked for name, it in standings if it.blocked is not None}
    unsaid = {name: "; ".join(fault.text for fault in it.unsaid) for name, it in standings if it.unsaid}
    error, remedy = "", ""
    failing = writer.reports.failing
    if failing is not None:
        error, remedy = failing.message, failing.remedy
    elif blocked:
        name, why = next(iter(blocked.items()))
        error, remedy = f"{name.removesuffix('.')}: {why.text}", why.remedy
    return WriterPlace(
        provider=site.setup.provider,
        zone=site.setup.zone,
        state=_state(writer),
        error=error,
        remedy=remedy,
        generation=min((it.over for _, it in standings if it.wanted is not None), default=0),
        pending=sum(it.pending for _, it in standings),
        unconfirmed=sum(it.unconfirmed for _, it in standings),
        blocked={name: why.text for name, why in blocked.items()},
        unsaid=unsaid,
        drifted=tuple(name for name, it in standings if it.drifted),
        since=None if site.answered is None else now - site.answered,
        retry=writer.retry_at - now if writer.retry_at > now else None,
    )


def _state(writer: ZoneWriter) -> WriterState:
    standings = writer.site.standings.values()
    if writer.failing or writer.barred:
        return WriterState.FAILING
    if writer.site.image is None and writer.site.answered is None:
        return WriterState.STARTING
    if any(it.blocked is not None or it.unsaid for it in standings):
        return WriterState.BLOCKED
    if any(it.pending for it in standings):
        return WriterState.WRITING
    if any(it.unconfirmed for it in standings):
        return WriterState.CONFIRMING
    return WriterState.CURRENT
