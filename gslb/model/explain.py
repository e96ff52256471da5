"""Why a client is answered with what it is, and why not with anything else: read off a decision, for people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from msgspec import structs

from gslb.model.all_down import STEP as LAST_RESORT
from gslb.model.branch import Reason, Verdict
from gslb.model.distribution import distribution
from gslb.model.fitness import Fitness
from gslb.model.geodesy import distance
from gslb.model.location import Client
from gslb.model.names import EndpointName, RegionName
from gslb.model.pick import TIE, sticky_network
from gslb.model.steer import Decision
from gslb.model.steering import Group, Pick, RecordType, Rule, rule_for
from gslb.model.topology import Endpoint


@dataclass(frozen=True, slots=True)
class Word:
    """One endpoint in the eyes of the clients of one rule.

    Attributes:
        endpoint: which one.
        share: of the answers of the record type that has it most often; 0 where it is in none.
        why: what decided that.
        said: all that was said of it and its region, in order.
    """

    endpoint: EndpointName
    share: Fraction
    why: Reason
    said: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the clients of one rule are answered.

    Attributes:
        rule: whom it is for, and the groups.
        odds: how often each address is in an answer, by record type.
        words: of every endpoint, in the order of the configuration.
    """

    rule: Rule
    odds: Mapping[RecordType, Mapping[str, Fraction]]
    words: tuple[Word, ...]


def explain(decision: Decision, endpoints: Iterable[Endpoint], rule: Rule, client: Client | None = None) -> Explanation:
    """Explain one rule of a decision.

    Args:
        decision: what was decided.
        endpoints: those of the service, and of its fallback.
        rule: of the decision's steering.
        client: who asks, in which case ``rule`` is ``rule_for`` it; None: any of those whom the rule is for.
    """
    steering = decision.steering
    who = client if client is not None and rule_for(steering, client) == rule else None
    odds = {kind: distribution(steering, kind, who, rule) for kind in steering.types}
    return Explanation(rule, odds, tuple(_word(decision, endpoint, rule, odds, who) for endpoint in endpoints))


def _word(
    decision: Decision,
    endpoint: Endpoint,
    rule: Rule,
    odds: Mapping[RecordType, Mapping[str, Fraction]],
    client: Client | None,
) -> Word:
    values = {(t.type, t.value) for group in rule.groups for t in group.targets if endpoint.name in t.endpoints}
    share = max((odds[kind].get(value, Fraction(0)) for kind, value in values), default=Fraction(0))
    own = [reason for reason in decision.reasons if reason.subject == endpoint.name]
    policy = [r for r in decision.reasons if r.subject == endpoint.region and r.match == rule.match]
    picked = [_picked(decision, endpoint.region, rule, client)] if values and client is not None else []
    said = (*own, *policy, *(reason for reason in picked if reason is not None))
    return Word(endpoint.name, share, _why(decision, endpoint, rule, share, said), said)


def _why(decision: Decision, endpoint: Endpoint, rule: Rule, share: Fraction, said: tuple[Reason, ...]) -> Reason:
    own, later = said[:1], said[1:]
    if share:
        return next((r for r in reversed(later) if r.verdict in (Verdict.IN, Verdict.WEIGHT)), *own)
    unfit = [structs.replace(reason, verdict=Verdict.OUT) for reason in own]  # it may answer other clients
    against = [r for r in reversed(later) if r.verdict in (Verdict.OUT, Verdict.STANDBY)]
    against.sort(key=lambda reason: reason.step == LAST_RESORT)  # it finds what the others have left
    level = _level(decision, endpoint.name)
    if level > _answering_level(decision, rule) and own[0].verdict is Verdict.OUT:
        return unfit[0]
    found = (*against, *(unfit if level > Fitness.IN_SERVICE else ()))
    return next(iter(found), Reason("answers", endpoint.name, Verdict.OUT, _no_address(decision)))


def _no_address(decision: Decision) -> str:
    return f"it has no address for {' or '.join(decision.steering.types)}"


def _level(decision: Decision, endpoint: EndpointName) -> Fitness:
    return decision.fitness.get(endpoint, Fitness.DOWN)


def _answering_level(decision: Decision, rule: Rule) -> Fitness:
    """The fitness of those that answer: whoever is less fit is out for that."""
    names = {name for group in rule.groups for target in group.targets for name in target.endpoints}
    return max((_level(decision, name) for name in names), default=Fitness.IN_SERVICE)


def _picked(decision: Decision, region: RegionName, rule: Rule, client: Client | None) -> Reason | None:
    """What the pick of a group says of ``region`` to this client."""
    group = next(group for group in rule.groups if group.region == region)
    if client is None or rule.pick is Pick.WEIGHTED:
        return None
    if rule.pick is Pick.NEAREST:
        return _distance(group, rule, client)
    chosen = {t for kind in decision.steering.types for t in distribution(decision.steering, kind, client)}
    mine = any(target.value in chosen for target in group.targets)
    text = f"{sticky_network(client.network)} is {'its own' if mine else 'that of another region'} by its hash"
    return Reason(Pick.STICKY, region, Verdict.IN if mine else Verdict.OUT, text)


def _distance(group: Group, rule: Rule, client: Client) -> Reason:
    place = client.location.coordinates
    if place is None or any(each.location is None for each in rule.groups):
        return Reason(Pick.NEAREST, group.region, Verdict.IN, "the place of the client is not known: weights decide")
    away = {each.region: distance(place, each.location) for each in rule.groups if each.location}
    nearest = min(away, key=lambda region: away[region])
    text = f"{away[group.region]:.0f} km away"
    if away[group.region] > away[nearest] + TIE:
        return Reason(Pick.NEAREST, group.region, Verdict.OUT, f"{text}; {nearest} is nearer: {away[nearest]:.0f} km")
    return Reason(Pick.NEAREST, group.region, Verdict.IN, text)
