"""Attempts under way are bounded by what descriptors there are."""

import subprocess
import sys

import pytest

from gslb.control.descriptors import MAX_IN_FLIGHT, most_attempts

RAISE = """
import resource
from gslb.control.descriptors import raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
print(raise_limit())
"""


@pytest.mark.parametrize(("descriptors", "attempts"), [(1024, 512), (20, 16), (1_000_000, MAX_IN_FLIGHT)])
def test_half_of_the_descriptors_are_for_attempts(descriptors: int, attempts: int) -> None:
    assert most_attempts(descriptors) == attempts


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    done = subprocess.run([sys.executable, "-c", RAISE], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.split() == ["300", "300", "300", "300"]
