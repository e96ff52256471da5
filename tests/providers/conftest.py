from collections.abc import Iterator

import pytest

from tests.nameserver.support import Server, running


@pytest.fixture(scope="session")
def nameserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One nameserver process that waits for its first snapshot."""
    with running(tmp_path_factory.mktemp("nameserver"), snapshot=None) as server:
        yield server
