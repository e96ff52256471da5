"""The store's metrics. The registry is the caller's, so that nothing is shared between two stores."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class StateMetrics:
    """Metrics of the state database."""

    def __init__(self, registry: CollectorRegistry) -> None:
        told = "1 while the state database, or the copy of the orders, cannot be written"
        self.degraded = Gauge("gslb_state_degraded", told, registry=registry)
        self.queue = Gauge("gslb_state_queue_length", "Values waiting to be written", registry=registry)
        self.dropped = Counter("gslb_state_dropped", "Values lost: queue full, or not storable", registry=registry)
        self.written = Counter("gslb_state_written", "Values written", registry=registry)


class JournalMetrics:
    """Metrics of the journal."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.dropped = Counter("gslb_journal_dropped", "Entries lost: buffer full or disk unusable", registry=registry)
        self.bytes = Gauge("gslb_journal_bytes", "Size of all segments", registry=registry)
