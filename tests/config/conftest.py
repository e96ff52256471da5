from pathlib import Path

import pytest
from hypothesis import settings

from tests.config.files import Files

settings.register_profile("gslb", max_examples=50, deadline=None)  # slow and shared machines
settings.load_profile("gslb")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)
