"""Telling clients apart by where they are: from one branch to one for each area, the most specific first."""

from collections.abc import Iterable

from gslb.model.area import Area, specificity, within


def split(match: Area | None, areas: Iterable[Area]) -> tuple[tuple[Area | None, Area | None], ...]:
    """Part the clients of ``match`` by ``areas``.

    Returns:
        Pairs of whom a branch is for and the most specific of ``areas`` that all of them are in, None for none of
        them. The first pair whose clients fit counts; the last one is for all that ``match`` has.
    """
    known = sorted(set(areas), key=lambda area: (specificity(area), area.code))
    inner = [area for area in known if area != match and within(area, match)]
    outer = next((area for area in known if match is not None and within(match, area)), None)
    return (*((area, area) for area in inner), (match, outer))
