"""Metrics of the control process, by Prometheus conventions."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gslb.model.observation import Cause, CheckKey, Observation

MAX_COUNTED = 100_000
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """All metrics of one control process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counted: dict[tuple[CheckKey, Cause | None], tuple[Counter, Histogram]] = {}
        self.probes = self._counter("gslb_probe_results", "Probe results", "vantage", "probe", "target", "outcome")
        self.latency = self._histogram("gslb_probe_latency_seconds", "Latency of successful probes", "probe")
        self.lateness = self._histogram("gslb_probe_lateness_seconds", "How late regular attempts start")
        self.transitions = self._counter("gslb_transitions", "Changes of an endpoint's health", "endpoint", "after")
        self.decisions = self._counter("gslb_decisions", "Changes of a service's steering", "service")
        self.publication = self._histogram(
            "gslb_publication_seconds", "From a decision to the provider's confirmation", "provider"
        )
        self.in_service = self._gauge(
            "gslb_endpoint_in_service", "1 when the endpoint may answer", "service", "endpoint"
        )
        self.score = self._gauge("gslb_endpoint_score", "Score of the endpoint, 0 to 1", "service", "endpoint")
        self.doubt = self._gauge("gslb_vantage_doubt", "1 while the vantage point doubts itself", "vantage")
        self.silent = self._gauge("gslb_vantage_silent", "1 while nothing is heard of the vantage point", "vantage")
        self.generation = self._gauge("gslb_generation", "Newest generation that was decided")
        self.policy_faults = self._counter("gslb_policy_faults", "Decisions in which a step failed anew", "service")
        self.reloads = self._counter("gslb_reloads", "Reloads of the configuration", "outcome")
        self.stale = self._gauge("gslb_configuration_stale", "1 when the file is not what is in force")
        self.overrides = self._gauge("gslb_overrides", "Orders in force")
        self.refused = self._counter("gslb_orders_refused", "Orders that a rule has refused", "rule")
        self.frozen = self._gauge("gslb_frozen", "1 while people have frozen the answers", "service")
        self.exposure = self._gauge(
            "gslb_exposure_seconds",
            "How long some resolver may hold an answer with the endpoint; +Inf while it is given",
            "service",
            "endpoint",
        )
        self.recovery = Histogram(
            "gslb_recovery_seconds",
            "From the first failed attempt until no resolver holds an answer with the endpoint",
            ("service",),
            registry=self.registry,
            buckets=(0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0),
        )
        self.predicted = self._gauge("gslb_recovery_predicted_seconds", "What gslb check predicts", "service")

    def count(self, key: CheckKey, observation: Observation) -> None:
        """Count one probe result. Thousands come in every second, so what belongs to a check is looked up once."""
        found = self._counted.get((key, observation.cause))
        if found is None:
            outcome = observation.cause.value if observation.cause else "ok"
            found = self.probes.labels(key.vantage, key.probe, key.target, outcome), self.latency.labels(key.probe)
            if len(self._counted) >= MAX_COUNTED:
                self._counted.clear()
            self._counted[key, observation.cause] = found
        counter, latency = found
        counter.inc()
        if observation.ok:
            latency.observe(observation.latency)

    def text(self) -> bytes:
        """All metrics in the text format that Prometheus scrapes."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=_SECONDS)
