"""The token file: made for its owner alone, and refused where others may read it."""

import os
import stat
from pathlib import Path

import pytest

from gslb.api.auth import read_token
from gslb.errors import StateError


def test_a_token_is_made_for_the_owner_only_and_stays_the_same(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = read_token(file)
    assert len(token) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_token(file) == token


def test_each_token_is_its_own(tmp_path: Path) -> None:
    assert read_token(tmp_path / "one") != read_token(tmp_path / "other")


def test_a_token_that_is_already_there_is_used(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text("chosen by hand\n")
    assert read_token(file) == "chosen by hand"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_token_that_others_may_read_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    read_token(file)
    file.chmod(mode)
    with pytest.raises(StateError, match="others may read the API token") as error:
        read_token(file)
    assert error.value.remedy == f"run: chmod 600 {file}"


def test_a_token_file_that_was_left_empty_is_written_anew(tmp_path: Path) -> None:
    """As a power cut may leave it."""
    (tmp_path / "token").touch(0o600)
    token = read_token(tmp_path / "token")
    assert len(token) > 30
    assert read_token(tmp_path / "token") == token


def test_a_blank_token_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text(" \n")
    with pytest.raises(StateError, match="blank"):
        read_token(tmp_path / "token")


def test_a_folder_that_is_missing_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="API token: No such file") as error:
        read_token(tmp_path / "gone" / "token")
    assert error.value.path == os.fspath(tmp_path / "gone" / "token")
