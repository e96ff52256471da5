"""Metrics are read from a thread of their own."""

from prometheus_client import CollectorRegistry

from gslb.control.writing.metrics import WriterMetrics
from gslb.control.writing.standing import Standing
from gslb.model.names import ServiceName


def test_services_may_come_while_they_are_counted() -> None:
    registry, standings = CollectorRegistry(), dict[ServiceName, Standing]()

    class Sudden(Standing):
        @property
        def pending(self) -> bool:
            name = ServiceName(f"s{len(standings)}.example.com.")
            standings[name] = Standing()
            return True

    standings[ServiceName("a.example.com.")] = Sudden()
    standings[ServiceName("b.example.com.")] = Standing()
    WriterMetrics(registry).watch(("cloud", "example.com."), standings)
    labels = {"provider": "cloud", "zone": "example.com."}
    assert registry.get_sample_value("gslb_provider_pending", labels) == 1
    assert len(standings) == 3
