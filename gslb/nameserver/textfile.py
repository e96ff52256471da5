"""A worker's metrics as a text file, for node_exporter's textfile collector: they are there while control is away."""

from collections.abc import Iterator
from pathlib import Path

from gslb.files import of_worker, write_new
from gslb.nameserver.protocol import Stats, buckets

INTERVAL = 15.0
"""seconds between two writes"""

_READABLE = 0o644
"""others collect it"""


def write_metrics(path: str, worker: str, stats: Stats, generation: int | None, away: float) -> None:
    """Write them, whole or not at all.

    Args:
        path: of the file; the worker's name goes into that.
        worker: name of the process.
        stats: what it has done.
        generation: of the snapshot that it answers from; None if there is none.
        away: seconds for which there has been no control process; 0 while there is one.

    Raises:
        OSError: it cannot be written.
    """
    file = of_worker(Path(path), worker)
    text = "".join(f"{line}\n" for line in _lines(worker, stats, generation, away))
    write_new(file, (text.encode(),), _READABLE).replace(file)


def _lines(worker: str, stats: Stats, generation: int | None, away: float) -> Iterator[str]:
    of = f'worker="{worker}"'
    yield "# HELP gslb_nameserver_control_away_seconds How long there has been nobody to change what is answered"
    yield "# TYPE gslb_nameserver_control_away_seconds gauge"
    yield f"gslb_nameserver_control_away_seconds{{{of}}} {away:.1f}"
    yield "# TYPE gslb_nameserver_generation gauge"
    yield f"gslb_nameserver_generation{{{of}}} {generation or 0}"
    yield "# TYPE gslb_nameserver_queries_total counter"
    for transport, count in stats.queries.items():
        yield f'gslb_nameserver_queries_total{{{of},transport="{transport}"}} {count}'
    yield "# TYPE gslb_nameserver_responses_total counter"
    for rcode, count in stats.responses.items():
        yield f'gslb_nameserver_responses_total{{{of},rcode="{rcode}"}} {count}'
    yield "# TYPE gslb_nameserver_dropped_total counter"
    yield f"gslb_nameserver_dropped_total{{{of}}} {stats.dropped}"
    yield "# TYPE gslb_nameserver_limited_total counter"
    yield f"gslb_nameserver_limited_total{{{of}}} {stats.limited}"
    yield "# TYPE gslb_nameserver_overflowed_total counter"
    yield f"gslb_nameserver_overflowed_total{{{of}}} {stats.overflowed}"
    yield "# TYPE gslb_nameserver_latency_seconds histogram"
    for bound, count in buckets(stats.latency):
        yield f'gslb_nameserver_latency_seconds_bucket{{{of},le="{bound}"}} {count}'
    yield f"gslb_nameserver_latency_seconds_sum{{{of}}} {stats.latency.seconds:.6f}"
    yield f"gslb_nameserver_latency_seconds_count{{{of}}} {sum(stats.latency.counts)}"
    yield "# TYPE gslb_nameserver_snapshot_unsaved gauge"
    yield f"gslb_nameserver_snapshot_unsaved{{{of}}} {int(stats.save_failed)}"
