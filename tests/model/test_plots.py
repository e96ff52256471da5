"""The plots of docs/scores.md show what the formulas say now."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.plots import IMAGES, PLOTS, main

DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_drawn_anew_when_its_formula_has_changed(name: str) -> None:
    drawn = next(ET.parse(IMAGES / f"{name}.svg").iter(DESCRIPTION)).text
    assert drawn == PLOTS[name]().digest, "run make plots"


def test_the_page_shows_all_plots_and_no_others() -> None:
    page = (IMAGES.parent / "scores.md").read_text()
    assert sorted(re.findall(r"\(images/(.*?)\.svg\)", page)) == sorted(PLOTS)
    assert sorted(path.stem for path in IMAGES.glob("*.svg") if path.stem in page) == sorted(PLOTS)


def test_the_same_formulas_are_drawn_the_same_octet_for_octet(tmp_path: Path) -> None:
    for name in ("one", "other"):
        main(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(f"{name}.svg" for name in PLOTS)
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
