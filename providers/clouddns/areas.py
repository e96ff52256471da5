"""Which areas a region of Google Cloud stands for, since a geo policy knows regions only.

A region stands for its own country and its own continent. Most countries have no region; for each of them that one
stands which is nearest to its capital, or, where it has none, to its largest place (great circle; coordinates as
GeoNames has them, to a tenth of a degree). For Antarctica it is the one nearest to McMurdo Station.
"""

from collections.abc import Mapping
from typing import cast

from gslb.model.area import Area, AreaKind, parse_area
from gslb.model.countries import continent_of
from providers.clouddns.regions import REGIONS

NEAREST: Mapping[str, str] = {
    "africa-south1": """
        BW SZ LS MZ ZW NA ZM MW MG KM YT TZ AO BI RW CD CG RE KE UG MU GA GQ SH BV ST CM TF HM
    """,
    "asia-east1": "PH PW",
    "asia-east2": "MO VN",
    "asia-northeast1": "MP GU UM FM MH",
    "asia-northeast3": "KP CN MN",
    "asia-south1": "LK MV IO SC",
    "asia-south2": "PK NP AF BT TJ BD UZ KG KZ",
    "asia-southeast1": "MY BN",
    "asia-southeast2": "CX CC TL",
    "asia-southeast3": "LA KH MM",
    "australia-southeast1": "NF NC NZ VU PG SB FJ TO WF TV NR NU WS AS KI TK CK PF",
    "australia-southeast2": "AQ continent:AN",
    "europe-central2": "LT BY SK HU UA MD RS RO BG",
    "europe-north1": "EE RU SJ",
    "europe-north2": "AX NO LV",
    "europe-southwest1": "AD PT GI DZ MA EH MR NE ML BF SN GM GW CV GN NG SL CI BJ TG LR GH",
    "europe-west1": "LU",
    "europe-west2": "GG JE IM IE FO IS",
    "europe-west6": "LI",
    "europe-west8": "SM SI VA HR BA ME AL XK MK MT",
    "europe-west10": "CZ DK AT",
    "europe-west12": "MC TN LY",
    "me-central1": "AE OM YE DJ ET SO",
    "me-central2": "BH KW IR TM AZ ER",
    "me-west1": "PS JO SY LB CY EG TR IQ GR AM GE SD TD SS CF",
    "northamerica-northeast1": "PM GL",
    "northamerica-south1": "GT BZ SV HN NI CR PA EC",
    "southamerica-east1": "PY GF SR GS GY",
    "southamerica-west1": "AR UY BO FK PE PN",
    "us-east1": """
        BS CU KY TC JM HT DO PR VI VG AI MF SX BL KN AW MS AG CW BQ GP DM MQ VE LC VC GD BB TT CO
    """,
    "us-east4": "BM",
}
"""Countries without a region, by the one that is nearest, the nearest of them first."""


def _areas(region: str) -> tuple[Area, ...]:
    country = REGIONS[region].country
    own = Area(AreaKind.COUNTRY, country), Area(AreaKind.CONTINENT, cast("str", continent_of(country)))
    return *own, *map(parse_area, NEAREST.get(region, "").split())


AREAS: Mapping[str, tuple[Area, ...]] = {region: _areas(region) for region in REGIONS}
"""What each region stands for. Where there are rules for several of these, the first counts."""
