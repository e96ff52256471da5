"""Identifiers. All are plain strings that mypy keeps apart."""

from typing import NewType

ServiceName = NewType("ServiceName", str)
"""A DNS name that gslb answers, absolute and in lower case: ``api.example.com.``"""

RegionName = NewType("RegionName", str)
"""Key below ``[regions]``: ``istanbul``"""

EndpointName = NewType("EndpointName", str)
"""Region and probed address: ``istanbul/127.0.1.1:8080``"""

ProbeName = NewType("ProbeName", str)
"""Key below ``[probes]``: ``edge``"""

VantageName = NewType("VantageName", str)
"""Where a result was seen from: a key below ``[vantages]``, or the name of the node."""
