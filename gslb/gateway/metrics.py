"""What the gateway counts for Prometheus. One registry per gateway, so several fit in one process."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gslb.model.observation import ServingState

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Metrics:
    """The gateway's metrics; labels take few values, whatever clients send."""

    def __init__(self, in_flight: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "gslb_gateway_requests",
            "Requests by method and by what became of them: 2xx to 5xx, cut (by the upstream), gone (the client)",
            ("method", "outcome"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "gslb_gateway_request_duration_seconds", "From request header to end of response", registry=self.registry
        )
        self._failures = Counter(
            "gslb_gateway_upstream_failures",
            "Requests that an upstream failed, by reason: connect, timeout, broken",
            ("upstream", "reason"),
            registry=self.registry,
        )
        self._state = Gauge("gslb_gateway_state", "1 for the present state", ("state",), registry=self.registry)
        Gauge("gslb_gateway_requests_in_flight", "Requests being forwarded", registry=self.registry).set_function(
            in_flight
        )

    def finished(self, method: str, outcome: str, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method if method in _METHODS else "other", outcome).inc()
        self._seconds.observe(seconds)

    def upstream_failed(self, upstream: str, reason: str) -> None:
        """Count one failure of an upstream."""
        self._failures.labels(upstream, reason).inc()

    def render(self, state: ServingState) -> bytes:
        """Everything in the Prometheus text format."""
        for each in ServingState:
            self._state.labels(each.value).set(each is state)
        return generate_latest(self.registry)
