"""The metrics of the control process in the format that Prometheus scrapes."""

from prometheus_client.parser import text_string_to_metric_families

from gslb.telemetry.metrics import Metrics


def test_every_metric_has_the_prefix_and_says_what_it_is() -> None:
    families = list(text_string_to_metric_families(Metrics().text().decode()))
    assert len(families) > 10
    assert all(family.name.startswith("gslb_") for family in families)
    assert all(family.documentation for family in families)


def test_values_are_read_back_by_their_labels() -> None:
    metrics = Metrics()
    metrics.probes.labels("here", "edge", "192.0.2.1:80", "timeout").inc(3)
    families = {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}
    sample = next(s for s in families["gslb_probe_results"].samples if s.name == "gslb_probe_results_total")
    assert sample.labels == {"vantage": "here", "probe": "edge", "target": "192.0.2.1:80", "outcome": "timeout"}
    assert sample.value == 3


def test_two_control_processes_in_one_interpreter_do_not_share_metrics() -> None:
    one, other = Metrics(), Metrics()
    one.generation.set(7)
    assert b"gslb_generation 7.0" in one.text()
    assert b"gslb_generation 0.0" in other.text()
