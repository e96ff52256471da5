"""Routing by nearness: latency and geoproximity."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from gslb.model.geodesy import Coordinates, distance
from tests.fakes.route53.places import REGIONS
from tests.fakes.route53.records import Geoproximity, Latency, RecordSet

Choice = list[tuple[RecordSet, Fraction]]
"""Record sets, and how often each of them answers."""


def equal(group: Sequence[RecordSet]) -> Choice:
    """Each as often as any other."""
    return [(record_set, Fraction(1, len(group))) for record_set in group]


def least_latency(
    group: Sequence[RecordSet], latency: Mapping[str, float] | None, coordinates: Coordinates | None
) -> Choice:
    """The set whose region is the fastest to reach, by the table or by distance; each as often if neither is known."""
    if latency is None and coordinates is not None:
        latency = {region: distance(coordinates, place) for region, place in REGIONS.items()}
    if latency is None:
        return equal(group)
    ranked = [
        (latency[it.routing.region], it)
        for it in group
        if isinstance(it.routing, Latency) and it.routing.region in latency
    ]
    return _first(ranked)


def most_proximate(group: Sequence[RecordSet], coordinates: Coordinates | None) -> Choice:
    """The set that is nearest by biased distance; each as often where nobody knows where the client is."""
    if coordinates is None:
        return equal(group)
    ranked = [(_biased(it.routing, coordinates), it) for it in group if isinstance(it.routing, Geoproximity)]
    return _first(ranked)


def _first(ranked: Sequence[tuple[float, RecordSet]]) -> Choice:
    """The one with the least figure; among equals the first."""
    best = min(ranked, key=lambda pair: pair[0], default=None)
    return [(best[1], Fraction(1))] if best else []


def _biased(routing: Geoproximity, coordinates: Coordinates) -> float:
    bias = (routing.bias or 0) / 100
    away = distance(_place(routing), coordinates)
    return away * (1 - bias) if bias >= 0 else away / (1 + bias)


def _place(routing: Geoproximity) -> Coordinates:
    """Local zone groups are taken to be where their region is: ``us-west-2-den-1``."""
    if routing.coordinates:
        return float(routing.coordinates[0]), float(routing.coordinates[1])
    named = routing.region or routing.local_zone
    return next(place for region, place in REGIONS.items() if named == region or named.startswith(f"{region}-"))
