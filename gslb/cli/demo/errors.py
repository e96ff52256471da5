"""What the demo raises."""

from gslb.errors import GslbError


class DemoError(GslbError):
    """The demo cannot run, or cannot do what it was asked."""
