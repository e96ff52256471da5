"""gslb: a multi-region GSLB and DNS failover controller."""

__version__ = "0.1.0"
