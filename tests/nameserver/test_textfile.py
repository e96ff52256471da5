"""Metrics in a file: what they say, who may read them, and that a process keeps them without control."""

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gslb.nameserver.protocol import Latency, Stats, buckets
from gslb.nameserver.settings import Settings
from gslb.nameserver.textfile import write_metrics
from tests.nameserver.support import NAME, SNAPSHOT, running
from tests.waiting import eventually

STATS = Stats(
    {"udp": 7, "tcp": 2},
    {"NOERROR": 8, "NXDOMAIN": 1},
    3,
    save_failed=True,
    limited=4,
    overflowed=5,
    latency=Latency((*[0] * 12, 2, 5, *[0] * 16, 2, *[0] * 33), 0.25),
)


def samples(file: Path) -> dict[str, float]:
    families = text_string_to_metric_families(file.read_text())
    found = (sample for family in families for sample in family.samples)
    return {"".join((one.name, *(f" {v}" for k, v in one.labels.items() if k != "worker"))): one.value for one in found}


def test_it_says_what_was_done_and_for_how_long_control_has_been_away(tmp_path: Path) -> None:
    write_metrics(str(tmp_path / "gslb.prom"), "w", STATS, 9, 61.25)
    assert samples(tmp_path / "gslb-w.prom") == {
        "gslb_nameserver_control_away_seconds": 61.2,
        "gslb_nameserver_generation": 9,
        "gslb_nameserver_queries_total udp": 7,
        "gslb_nameserver_queries_total tcp": 2,
        "gslb_nameserver_responses_total NOERROR": 8,
        "gslb_nameserver_responses_total NXDOMAIN": 1,
        "gslb_nameserver_dropped_total": 3,
        "gslb_nameserver_limited_total": 4,
        "gslb_nameserver_snapshot_unsaved": 1,
        "gslb_nameserver_overflowed_total": 5,
        "gslb_nameserver_latency_seconds_sum": 0.25,
        "gslb_nameserver_latency_seconds_count": 9,
    } | {f"gslb_nameserver_latency_seconds_bucket {bound}": count for bound, count in buckets(STATS.latency)}


def test_buckets_are_cumulative_and_have_all_in_the_end() -> None:
    counts = dict(buckets(STATS.latency))
    assert next(iter(counts)) == "4.096e-06"
    assert counts["4.096e-06"] == 2
    assert counts["8.192e-06"] == 7
    assert counts["0.134217728"] == 7
    assert counts["+Inf"] == 9


def test_others_may_read_it_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    for _ in range(2):
        write_metrics(str(tmp_path / "gslb.prom"), "w", STATS, None, 0.0)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o644
    assert samples(file)["gslb_nameserver_generation"] == 0


@pytest.mark.acceptance
def test_a_process_without_control_keeps_it(tmp_path: Path) -> None:
    settings = Settings(metrics_file=str(tmp_path / "gslb.prom"))
    with running(tmp_path, snapshot=replace(SNAPSHOT, settings=settings)) as server:
        file = tmp_path / f"gslb-{NAME}.prom"
        eventually(file.exists, within=30)
        found = samples(file)
        assert found["gslb_nameserver_generation"] == SNAPSHOT.generation
        assert found["gslb_nameserver_control_away_seconds"] > 10
        assert found["gslb_nameserver_queries_total udp"] >= 1
        assert server.process.poll() is None
