"""The tables of regions and of areas: complete, and right by coordinates."""

from gslb.model.area import AreaKind
from gslb.model.countries import CONTINENTS, continent_of
from gslb.model.geodesy import distance
from providers.clouddns.areas import AREAS, NEAREST
from providers.clouddns.regions import REGIONS
from tests.fakes.clouddns import REGIONS as KNOWN
from tests.providers.clouddns.capitals import CAPITALS


def test_the_regions_are_those_that_the_api_takes_and_where_they_are() -> None:
    assert REGIONS.keys() == KNOWN.keys()
    for name, region in REGIONS.items():
        assert distance(region.coordinates, KNOWN[name].coordinates) < 30
        assert continent_of(region.country) == KNOWN[name].continent


def test_each_country_and_continent_is_stood_for() -> None:
    every = {area.code for areas in AREAS.values() for area in areas if area.kind is AreaKind.COUNTRY}
    assert every == CAPITALS.keys()
    assert {area.code for areas in AREAS.values() for area in areas if area.kind is AreaKind.CONTINENT} == CONTINENTS
    foreign = [code for codes in NEAREST.values() for code in codes.split()]
    assert len(foreign) == len(set(foreign))
    assert not {region.country for region in REGIONS.values()} & set(foreign)


def test_a_country_without_a_region_is_with_the_nearest_one_and_the_nearest_countries_come_first() -> None:
    for name, codes in NEAREST.items():
        countries = [code for code in codes.split() if code in CAPITALS]
        away = [distance(CAPITALS[code], REGIONS[name].coordinates) for code in countries]
        assert away == sorted(away)
        for code, far in zip(countries, away, strict=True):
            assert far == min(distance(CAPITALS[code], region.coordinates) for region in REGIONS.values())


def test_a_region_stands_for_its_own_country_first_and_then_for_its_continent() -> None:
    for name, areas in AREAS.items():
        country = REGIONS[name].country
        assert [area.code for area in areas[:2]] == [country, continent_of(country)]
