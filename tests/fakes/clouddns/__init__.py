"""A strict Cloud DNS (REST v1): what it takes, refuses and answers, as Google does as far as that is known.

Start at ``FakeCloudDns``. Not here: DNSSEC, forwarding, peering, response policies, labels, health checks that fail.
"""

from tests.fakes.clouddns.errors import ApiError
from tests.fakes.clouddns.faults import Delay, Effect, Faults, Meddle, Rule
from tests.fakes.clouddns.front import Logged, Moment
from tests.fakes.clouddns.quota import Quota, Rate
from tests.fakes.clouddns.records import RecordSet
from tests.fakes.clouddns.regions import REGIONS, Region
from tests.fakes.clouddns.server import FakeCloudDns
from tests.fakes.clouddns.zone import Zone

__all__ = [
    "REGIONS",
    "ApiError",
    "Delay",
    "Effect",
    "FakeCloudDns",
    "Faults",
    "Logged",
    "Meddle",
    "Moment",
    "Quota",
    "Rate",
    "RecordSet",
    "Region",
    "Rule",
    "Zone",
]
