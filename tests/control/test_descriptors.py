"""Attempts under way are bounded by what descriptors there are."""

import subprocess
import sys

import pytest

from gslb.control.descriptors import MAX_IN_FLIGHT, MAX_KEPT, Budget, share_out

RAISE = """
import resource
from gslb.supervisor.descriptors import raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
print(raise_limit())
"""


@pytest.mark.parametrize(
    ("descriptors", "attempts", "kept"), [(1024, 512, 256), (20, 16, 16), (1_000_000, MAX_IN_FLIGHT, MAX_KEPT)]
)
def test_half_are_for_attempts_and_a_quarter_for_kept_connections(descriptors: int, attempts: int, kept: int) -> None:
    assert share_out(descriptors) == Budget(attempts, kept)


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    done = subprocess.run([sys.executable, "-c", RAISE], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.split() == ["300", "300", "300", "300"]
