"""An upgrade under 50,000 queries a second, as dnsperf sends and counts them: none is lost of all that were sent.

No more are under way than the sockets of the workers and of dnsperf hold. Where processors are too few, it waits for
answers then instead of sending what would be dropped with or without an upgrade.
"""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.test_upgrade import install, installed, pids

RATE, SECONDS, UNDER_WAY = 50_000, 15, 5_000
FORMS = (r"Queries sent: +(\d+)", r"Queries lost: +(\d+)", r"Queries per second: +([\d.]+)")


@pytest.mark.acceptance
@pytest.mark.skipif(shutil.which("dnsperf") is None, reason="needs dnsperf")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_upgrade_under_load_loses_no_query(tmp_path: Path, workers: int) -> None:
    questions = tmp_path / "questions"
    questions.write_text("api.example.com A\n")
    with installed(tmp_path, workers=workers) as site:
        before = pids(site)
        command = (
            f"dnsperf -s 127.0.0.1 -p {site.dns} -d {questions} -l {SECONDS} -Q {RATE} -c 20 -q {UNDER_WAY} -b 4096"
        )
        with subprocess.Popen(command.split(), stdout=subprocess.PIPE, text=True) as load:
            time.sleep(3)
            install(tmp_path / "code", "0.2.0")
            result = site.gslb("upgrade", str(site.config))
            told = load.stdout.read() if load.stdout else ""
        assert result.returncode == 0, result.stderr
        assert all(pid != before[name] for name, pid in pids(site).items() if pid)
    sent, lost, rate = (float(found.group(1)) for found in (re.search(form, told) for form in FORMS) if found)
    print(f"\n{workers} workers: {sent:,.0f} queries sent, {rate:,.0f} answered a second, {lost:,.0f} lost")
    assert lost == 0
    assert sent > 0.8 * RATE * SECONDS
    assert "NOERROR" in told
    assert "SERVFAIL" not in told
