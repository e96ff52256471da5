"""A Route 53 that keeps AWS's rules, over real HTTP, and breaks when it is told to.

``FakeRoute53`` is the way in; ``python -m tests.fakes.route53`` runs one as a process. Not modelled: health, DNSSEC,
traffic policies, tags, query logs, reusable delegation sets, and the DNS servers (``answers`` stands for those).
"""

from tests.fakes.route53.clock import Clock
from tests.fakes.route53.fake import FakeRoute53
from tests.fakes.route53.faults import Fault, Faults
from tests.fakes.route53.journal import Entry, Phase
from tests.fakes.route53.quota import UNLIMITED, Quota
from tests.fakes.route53.records import RecordSet
from tests.fakes.route53.signature import Access
from tests.fakes.route53.store import Settings

__all__ = [
    "UNLIMITED",
    "Access",
    "Clock",
    "Entry",
    "FakeRoute53",
    "Fault",
    "Faults",
    "Phase",
    "Quota",
    "RecordSet",
    "Settings",
]
