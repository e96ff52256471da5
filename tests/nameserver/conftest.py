from collections.abc import Iterator

import pytest

from tests.nameserver.support import Server, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process for all tests that only ask."""
    with running(tmp_path_factory.mktemp("nameserver")) as started:
        yield started
