"""Inside a prober written for the benchmark: its account of how late it was and what failed, given when it is asked.

It is asked over standard input, a word a line. ``begin`` forgets what was before; ``end`` answers with a
``prober.Report`` in JSON. Each gets one line in answer. The end of the input is the prober's end.
"""

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field

from benchmarks.spread import percentile

LINE = 4096


@dataclass(slots=True)
class Account:
    """What a prober writes down. Made while an event loop runs.

    Attributes:
        late: for each probe, seconds from when it was due to when it started.
        failed: probes that did not succeed.
        over: set when nobody will ask any more.
    """

    late: list[float] = field(default_factory=list)
    failed: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._listen)

    def _listen(self) -> None:
        words = os.read(sys.stdin.fileno(), LINE).decode().split()
        if not words:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.over.set()
        for word in words:
            print(json.dumps(self._report() if word == "end" else {}), flush=True)  # noqa: T201  it speaks this way
            self.late.clear()
            self.failed = 0

    def _report(self) -> dict[str, float]:
        late = sorted(self.late)
        return {
            "p50": percentile(late, 0.5) * 1000,
            "p99": percentile(late, 0.99) * 1000,
            "failed": self.failed,
        }
