"""Distances on the globe."""

from math import asin, cos, radians, sin, sqrt

Coordinates = tuple[float, float]
"""Latitude and longitude in degrees."""

EARTH = 6371.0088
"""Mean radius in kilometres (IUGG)."""


def distance(one: Coordinates, other: Coordinates) -> float:
    """Great-circle distance in kilometres on a sphere, by the haversine formula; within 0.6 % of the ellipsoid's."""
    latitude, other_latitude = radians(one[0]), radians(other[0])
    half_north = sin((other_latitude - latitude) / 2)
    half_east = sin(radians(other[1] - one[1]) / 2)
    part = half_north**2 + cos(latitude) * cos(other_latitude) * half_east**2
    return 2 * EARTH * asin(min(1.0, sqrt(part)))
