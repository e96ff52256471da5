"""[safety]: what people may not order, or not without saying so twice."""

from typing import Annotated

from pydantic import Field

from gslb.model.options import Options, PositiveDuration, Share
from gslb.model.safety import Limits


class SafetySection(Options):
    """Rules for orders; see docs/orders.md."""

    min_regions: Annotated[int, Field(ge=0, le=1000, description="regions of a service that an order must leave")] = 0
    min_endpoints: Annotated[
        int, Field(ge=0, le=100_000, description="endpoints of a service that an order must leave")
    ] = 0
    capacity_floor: Annotated[
        Share, Field(description="share of the stated capacity of a service that an order must leave")
    ] = 0.0
    confirm_above: Annotated[
        Share, Field(description="share of a service's answers above which a move must be confirmed by a token")
    ] = 1.0
    max_override: Annotated[PositiveDuration, Field(description="longest time that an order may stand")] = 72 * 3600.0

    def limits(self) -> Limits:
        """The rules as the guard takes them."""
        return Limits(
            min_regions=self.min_regions,
            min_endpoints=self.min_endpoints,
            capacity_floor=self.capacity_floor,
            confirm_above=self.confirm_above,
            max_override=self.max_override,
        )
