"""Metrics of writers, by Prometheus conventions."""

from collections.abc import Callable, Mapping
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gslb.control.writing.standing import Standing
from gslb.model.names import ServiceName

SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)


class WriterMetrics:
    """Metrics of all writers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        zone, each = ("provider",), ("provider", "zone")

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"gslb_provider_{name}", text, (*each, *labels), registry=registry)

        def gauge(name: str, text: str, labels: tuple[str, ...] = each) -> Gauge:
            return Gauge(f"gslb_provider_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str) -> Histogram:
            return Histogram(f"gslb_provider_{name}", text, each, registry=registry, buckets=SECONDS)

        self.requests = counter("requests", "Requests to the API of a provider, by what was asked", "operation")
        self.errors = counter("errors", "Calls of the API that failed, by kind of error", "error")
        self.writes = counter("writes", "Changes that the API took, each of one service or more")
        self.conflicts = counter(
            "conflicts", "Changes that failed because somebody else had changed record sets of ours"
        )
        self.silent = counter("silent_nameservers", "Times that a nameserver of the zone did not answer when asked")
        self.settled = histogram("settled_seconds", "From a decision until the provider says that its servers have it")
        self.witnessed = histogram("witnessed_seconds", "From a decision until the zone's nameservers answered by it")
        self.pending = gauge("pending", "Services whose newest decision is not written")
        self.unconfirmed = gauge("unconfirmed", "Services whose newest decision is written, and not confirmed")
        self.blocked = gauge("blocked", "Services that cannot be written")
        self.unsaid = gauge("unsaid", "Services of which the provider cannot say all answers")
        self.drift = gauge("drift", "Services whose record sets somebody else has changed")
        self.breaker = gauge("breaker_open", "1 while an account that fails is left alone", zone)
        self.rate = gauge("rate", "Requests per second that an account is sent at most, at present", zone)
        self.waiting = gauge("waiting_requests", "Requests that wait for their turn", zone)

    def watch(self, labels: tuple[str, str], standings: Mapping[ServiceName, Standing]) -> None:
        """Tell of a zone what its services say when somebody asks."""

        def count(gauge: Gauge, is_so: Callable[[Standing], object]) -> None:
            # Asked from a thread of its own, while services come and go.
            gauge.labels(*labels).set_function(lambda: sum(1 for each in tuple(standings.values()) if is_so(each)))

        count(self.pending, lambda standing: standing.pending)
        count(self.unconfirmed, lambda standing: standing.unconfirmed)
        count(self.blocked, lambda standing: standing.blocked)
        count(self.unsaid, lambda standing: standing.unsaid)
        count(self.drift, lambda standing: standing.drifted)

    def forget(self, provider: str, zone: str) -> None:
        """A zone is published there no more: nothing of it is pending or wrong."""
        for gauge in (self.pending, self.unconfirmed, self.blocked, self.unsaid, self.drift):
            with suppress(KeyError):
                gauge.remove(provider, zone)

    def forget_account(self, provider: str) -> None:
        """An account is used no more."""
        for gauge in (self.breaker, self.rate, self.waiting):
            with suppress(KeyError):
                gauge.remove(provider)
