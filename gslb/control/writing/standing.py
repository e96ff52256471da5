"""One service in one zone: what is wanted, what is there, and since which generation that is certain.

pending      what is wanted is not what is there, as far as that is known
unconfirmed  it is there, but some nameserver may not have it yet
confirmed    no place can give what is older; so each generation that wants the same is over at once
"""

from dataclasses import dataclass, replace
from math import inf

import msgspec

from gslb.control.writing.backoff import EXTRA
from gslb.model.expressible import Inexpressible, Rendering
from gslb.model.recordset import Marker, RecordSet
from gslb.model.steering import Steering
from gslb.model.urgency import urgency
from providers.base import Lane

LANES = (Lane.URGENT, Lane.ROUTINE, Lane.COSMETIC)
"""by urgency"""


CONTESTED = 3600.0
"""Seconds within which a repair that is to be made once more has been undone."""


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """A decision.

    Attributes:
        steering: what is to be answered.
        generation: the first one that wants it.
        at: when it was decided, in monotonic seconds.
        news: it is not the first that the writer has heard of, which may find things as they were.
    """

    steering: Steering
    generation: int
    at: float
    news: bool


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a service cannot be written.

    Attributes:
        text: for people.
        at: when that was found, in monotonic seconds.
        until: when it is tried again.
        remedy: what to do about it.
        elsewhere: it is for others to change; another decision makes no difference.
    """

    text: str
    at: float
    until: float
    remedy: str = ""
    elsewhere: bool = False


@dataclass(slots=True)
class Standing:
    """How it stands with one service.

    Attributes:
        wanted: the newest decision; None before there is one, and where the service is to be removed.
        there: the decision that the record sets were made of; None where that is not known.
        removing: it is to be there no more.
        removed: it is not.
        answers: its record sets, as far as they are known, without the marker.
        marker: the marker as it was written or read.
        version: differs whenever the record sets may.
        followed: somebody looks whether this version is confirmed.
        confirmed: every place gives what is there.
        writing: a change of it is on its way.
        over: the newest generation of which no place can give older answers.
        tried: generation of the newest decision that somebody tried to write.
        presumed: how urgent it is, as far as that can be told while it is not known what is there.
        refusals: in a row, of what is written of it.
        since: when it became pending, in monotonic seconds.
        blocked: why it cannot be written, or could not lately.
        unsaid: what cannot be said of it.
        drifted: somebody else has changed it.
        repairs: of that, each before long after the one before.
        repaired_at: when it was found that the newest is to be made, in monotonic seconds.
        group: services that are written together only with one another, as one of them is refused; 0: with all.
        rendered: the newest rendering, and of what.
    """

    wanted: Wanted | None = None
    there: Wanted | None = None
    removing: bool = False
    removed: bool = False
    answers: tuple[RecordSet, ...] = ()
    marker: Marker | None = None
    version: int = 0
    followed: bool = False
    confirmed: bool = False
    writing: bool = False
    over: int = 0
    tried: int = 0
    presumed: Lane = Lane.ROUTINE
    refusals: int = 0
    since: float = 0.0
    blocked: Blocked | None = None
    unsaid: tuple[Inexpressible, ...] = ()
    drifted: bool = False
    repairs: int = 0
    repaired_at: float = -inf
    group: int = 0
    rendered: tuple[Steering, Rendering] | None = None
    _lane: tuple[Wanted | None, Wanted | None, Lane] = (None, None, Lane.ROUTINE)

    @property
    def aligned(self) -> bool:
        """What is wanted is there, as far as that is known."""
        return self.wanted is not None and self.there is not None and _same(self.wanted.steering, self.there.steering)

    @property
    def pending(self) -> bool:
        """Something is to be written, or looked at."""
        return not self.removed if self.removing else self.wanted is not None and not self.aligned

    @property
    def unconfirmed(self) -> bool:
        """It is there as it is wanted, and somebody looks whether all places give it."""
        return not self.pending and self.followed

    @property
    def lane(self) -> Lane:
        """How urgent it is to write."""
        if self.wanted is None:
            return Lane.ROUTINE
        if self.there is None:
            return self.presumed
        if self._lane[0] is not self.there or self._lane[1] is not self.wanted:
            lane = LANES[urgency(self.there.steering, self.wanted.steering)]
            self._lane = (self.there, self.wanted, lane)
        return self._lane[2]

    def want(self, steering: Steering, generation: int, at: float, now: float) -> bool:
        """``generation`` wants ``steering``; whether that is another one than before."""
        if self.wanted is not None and _same(self.wanted.steering, steering):
            return False
        self.since = self.since if self.pending else now
        if self.wanted is not None and self.there is None:
            self.presumed = min(self.presumed, LANES[urgency(self.wanted.steering, steering)])
        self.wanted = Wanted(steering, generation, at, self.wanted is not None)
        if self.aligned and not self.writing:
            self.there, self.blocked = self.wanted, None
        elif self.blocked is not None and not self.blocked.elsewhere:
            self.blocked = replace(self.blocked, until=min(self.blocked.until, max(now, self.blocked.at + EXTRA)))
        return True

    def expects_change(self, now: float) -> bool:
        """Whether it is time to read again what others have in the way."""
        return self.blocked is not None and self.blocked.elsewhere and self.blocked.until <= now

    def await_change(self) -> None:
        """The zone is about to be read."""
        if self.blocked is not None:
            self.blocked = replace(self.blocked, until=inf)

    def reconsider(self, now: float) -> None:
        """The zone was read: what others had in the way may have gone."""
        if self.blocked is not None and self.blocked.elsewhere:
            self.blocked = replace(self.blocked, until=now, elsewhere=False)

    def remove(self, now: float) -> None:
        """It is configured no more."""
        self.removing, self.removed, self.since = True, False, now
        self.wanted = self.there = self.blocked = None
        self.unsaid = ()

    def keep(self) -> None:
        """It is configured again; what is there is to be looked at."""
        self.removing = self.removed = False
        self._changed()
        self.there = None

    def advance(self, newest: int) -> bool:
        """Move on with what is published, if nothing of it concerns the service; whether that is news."""
        if not (self.confirmed and self.aligned) or self.writing or newest <= self.over:
            return False
        self.over = newest
        return True

    def found(self, answers: tuple[RecordSet, ...], marker: Marker | None) -> bool:
        """It is there as it is wanted; whether somebody has to look from now on if all places give it."""
        known = self.there is not None and not self.drifted and (self.confirmed or self.followed)
        same = known and marker == self.marker and set(answers) == set(self.answers)
        self._is_there(answers, marker, self.wanted)
        if not same or self.unsaid:
            self._changed()
        return not same

    def begin(self, lane: Lane, *, renews: bool = False) -> Wanted | None:
        """It is about to be written, as what is returned; ``renews``: only its marker is, which tries nothing."""
        self.writing, self.presumed = True, lane
        if self.wanted is not None and not renews:
            self.tried = self.wanted.generation
        return self.wanted

    def wrote(self, answers: tuple[RecordSet, ...], marker: Marker | None, as_wanted: Wanted | None) -> None:
        """It was written as ``as_wanted``; None: it was removed."""
        self._is_there(answers, marker, as_wanted)
        self.removed = self.removing and as_wanted is None
        self._changed()

    def lost(self) -> None:
        """Nobody knows what is there."""
        self.there, self.removed = None, False
        self._changed()

    def doubt(self) -> None:
        """It may not be there as it was written: whoever reads the zone will see."""
        self._changed()

    def astray(self, now: float, *, repair: bool) -> None:
        """Somebody else has changed it."""
        self.drifted = True
        self._changed()
        if repair:
            self.repairs = self.repairs + 1 if now - self.repaired_at < CONTESTED else 1
            self.there, self.repaired_at = None, now

    def contested(self, now: float) -> bool:
        """Whether somebody else undoes what is repaired."""
        return self.repairs > 1 and now - self.repaired_at < CONTESTED and not self.removing

    def confirm(self, newest: int) -> None:
        """Every place gives what is there."""
        self.confirmed, self.followed = True, False
        if self.there is not None:
            self.over = max(self.over, self.there.generation)
        self.advance(newest)

    def _is_there(self, answers: tuple[RecordSet, ...], marker: Marker | None, as_wanted: Wanted | None) -> None:
        self.answers, self.marker, self.there, self.removed = answers, marker, as_wanted, self.removing
        self.blocked, self.drifted, self.group = None, False, 0
        self.presumed, self.refusals = Lane.ROUTINE, 0

    def _changed(self) -> None:
        self.version += 1
        self.followed = self.confirmed = self.writing = False


def _same(one: Steering, other: Steering) -> bool:
    return one is other or one == other
