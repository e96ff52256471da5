"""What the API answers, as plain data. Times are ISO 8601 in UTC, durations seconds."""

import math
from datetime import datetime
from fractions import Fraction
from typing import Any

import gslb
from gslb.control.controller import Controller
from gslb.control.vantage import Vantage
from gslb.control.writing.setup import WriterPlace
from gslb.model.branch import Reason
from gslb.model.combine import Health
from gslb.model.distribution import distribution
from gslb.model.explain import Explanation, explain
from gslb.model.location import Client, Location
from gslb.model.names import EndpointName, ServiceName
from gslb.model.observation import CheckKey, Observation, ProbeResult, Timing
from gslb.model.override import Kind, service_order
from gslb.model.steer import Decision, Fitness
from gslb.model.steering import WITHHELD, Steering, answering, rule_for
from gslb.model.topology import Endpoint

View = dict[str, Any]


def status_view(controller: Controller) -> View:
    """The whole state at a glance."""
    engine = controller.engine
    return {
        "node": controller.configuration.node.name,
        "version": gslb.__version__,
        "configuration": {
            "path": str(controller.configuration.path),
            "version": controller.configuration.version,
        },
        "started": utc_view(controller.started_utc),
        "now": utc_view(controller.clock.utc()),
        "generation": controller.publisher.generation,
        "state": "degraded" if controller.store.degraded else "ok",
        "nameservers": [
            {"name": place.name, "connected": place.connected, "generation": place.generation}
            for place in controller.embedded.places()
        ],
        "providers": [_place_view(place) for place in controller.publishing.writers.places()],
        "vantages": [_vantage_view(controller, vantage) for vantage in engine.votes.vantages.values()],
        "services": [_service_view(controller, name) for name in engine.topology.services],
    }


def _place_view(place: WriterPlace) -> View:
    """One zone at one API provider; ``since`` and ``retry`` are seconds."""
    return {
        "provider": place.provider,
        "zone": place.zone.removesuffix("."),
        "state": place.state,
        "error": place.error,
        "remedy": place.remedy,
        "generation": place.generation,
        "pending": place.pending,
        "unconfirmed": place.unconfirmed,
        "blocked": {plain(name): text for name, text in place.blocked.items()},
        "unsaid": {plain(name): text for name, text in place.unsaid.items()},
        "drifted": [plain(name) for name in place.drifted],
        "since": _tenths(place.since),
        "retry": _tenths(place.retry),
    }


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _vantage_view(controller: Controller, vantage: Vantage) -> View:
    state, reason, since = _word(controller, vantage)
    return {
        "name": vantage.name,
        "state": state,
        "reason": reason,
        "since": moment_view(controller, since),
        "references": sorted(vantage.references),
    }


def _word(controller: Controller, vantage: Vantage) -> tuple[str, str | None, float | None]:
    """Whether the word of a vantage point counts; why and since when it does not."""
    votes = controller.engine.votes
    if votes.quiet(vantage.name):  # whatever it doubted when it was last heard of
        return "not heard of", "no result for some time", votes.heard_at(vantage.name)
    if vantage.doubt is not None:
        return "doubts itself", vantage.doubt.reason, vantage.doubt.since
    return "ok", None, None


def _service_view(controller: Controller, name: ServiceName) -> View:
    engine = controller.engine
    decision = engine.decisions.get(name)
    return {
        "name": plain(name),
        "decided": decision is not None,
        "good": decision.good if decision else None,
        "ttl": decision.steering.ttl if decision else None,
        "answers": answers_view(decision.steering) if decision else {},
        "frozen": _freeze_view(controller, name),
        "withheld": answers_view(decision.withheld) if decision and decision.withheld else None,
        "recovery": _recovery_view(controller, name),
        "endpoints": [
            _endpoint_view(controller, name, endpoint, decision)
            for endpoint in engine.topology.all_endpoints_of(engine.topology.services[name])
        ],
    }


def _freeze_view(controller: Controller, name: ServiceName) -> View | None:
    order = service_order(controller.orders.in_force, Kind.FREEZE, name)
    if order is None:
        return None
    return {"author": order.author, "reason": order.reason, "until": moment_view(controller, order.expires)}


def _recovery_view(controller: Controller, name: ServiceName) -> View:
    """What recovery is predicted to take, in seconds, and what the latest one has taken."""
    rto, latest = controller.configuration.rto.get(name), controller.recoveries.latest.get(name)
    return {
        "predicted": round(rto.total, 3) if rto else None,
        "achieved": round(latest.achieved, 3) if latest else None,
        "at": utc_view(latest.at_utc) if latest else None,
    }


def _exposure_view(controller: Controller, service: ServiceName, endpoint: EndpointName) -> View | None:
    """Whether the endpoint is still given, and until when some resolver may hold an answer with it; None: none can."""
    until = controller.ledger.exposed_until(service, endpoint)
    if until <= controller.clock.monotonic():
        return None
    return {"given": math.isinf(until), "until": None if math.isinf(until) else moment_view(controller, until)}


def answers_view(steering: Steering) -> dict[str, dict[str, float]]:
    """How often each address is answered, by record type."""
    return {kind: _shares(distribution(steering, kind)) for kind in steering.types}


def _shares(odds: dict[str, Fraction]) -> dict[str, float]:
    return {value: round(float(share), 4) for value, share in odds.items()}


def _endpoint_view(controller: Controller, service: ServiceName, endpoint: Endpoint, decision: Decision | None) -> View:
    engine, name = controller.engine, endpoint.name
    standing = engine.standings[service, name]
    fitness = decision.fitness.get(name) if decision else None
    hold = engine.held_until(service, name) if fitness is Fitness.HOLD else None
    return {
        "name": name,
        "region": endpoint.region,
        "health": standing.health,
        "since": moment_view(controller, engine.since(service, name)),
        "detail": standing.detail,
        "answers": decision is not None and name in answering(decision.steering),
        "fitness": fitness.name.lower() if fitness is not None else None,
        "held_until": moment_view(controller, hold),
        "score": round(standing.score, 3),
        "addresses": [str(address) for address in standing.addresses],
        "latency": engine.latency(service, name),
        "exposure": _exposure_view(controller, service, name),
        "comeback": comeback.stage if (comeback := engine.comebacks.states.get((service, endpoint.region))) else None,
    }


def explain_view(controller: Controller, name: ServiceName, client: Client | None = None) -> View:
    """What a service answers and why: for each rule every endpoint with all that was said of it.

    With a client only the rule that it is answered by, and with its own odds.
    """
    engine = controller.engine
    service, decision = engine.topology.services[name], engine.decisions.get(name)
    view = _service_view(controller, name)
    view["policy"] = [step.name for step in service.policy]
    view["when_all_down"] = service.when_all_down
    view["hold"] = service.hold
    view["client"] = None if client is None else client_view(client)
    view["rules"] = []
    if decision is None:
        view["waiting_for"] = [e["name"] for e in view["endpoints"] if e["health"] is Health.UNKNOWN]
        return view
    endpoints, steering = engine.topology.all_endpoints_of(service), decision.steering
    rules = steering.rules if client is None else (rule_for(steering, client),)
    view["rules"] = [_rule_view(explain(decision, endpoints, rule, client), steering) for rule in rules]
    view["ttl_reason"] = decision.ttl_reason
    view["decide_again"] = moment_view(controller, decision.next_at)
    return view


def client_view(client: Client) -> View:
    """Who asks, and where that is."""
    return {"network": str(client.network), **location_view(client.location)}


def location_view(location: Location) -> View:
    """Where somebody is; None for what is not known."""
    return {
        "continent": location.continent or None,
        "country": location.country or None,
        "subdivisions": list(location.subdivisions),
        "asn": location.asn,
        "coordinates": list(location.coordinates) if location.coordinates else None,
    }


def _rule_view(explanation: Explanation, steering: Steering) -> View:
    rule = explanation.rule
    everybody = "everybody" if len(steering.rules) == 1 else "everybody else"
    return {
        "match": everybody if rule.match is None else str(rule.match),
        "pick": rule.pick,
        "withheld": round(rule.withheld / WITHHELD, 4),
        "answers": {kind: _shares(dict(odds)) for kind, odds in explanation.odds.items()},
        "no_answer": rule.no_answer,
        "endpoints": [
            {
                "name": word.endpoint,
                "share": round(float(word.share), 4),
                "why": _reason_view(word.why),
                "said": [_reason_view(reason) for reason in word.said],
            }
            for word in explanation.words
        ],
    }


def _reason_view(reason: Reason) -> View:
    return {"step": reason.step, "subject": reason.subject, "verdict": reason.verdict, "text": reason.text}


def result_view(controller: Controller, result: ProbeResult) -> View:
    """One probe result."""
    return {"at": moment_view(controller, result.at), **seen_view(result.key, result.observation)}


def seen_view(key: CheckKey, seen: Observation) -> View:
    """What a check has seen."""
    timing = seen.timing or Timing()
    return {
        "probe": key.probe,
        "vantage": key.vantage,
        "target": key.target,
        "ok": seen.ok,
        "cause": seen.cause,
        "latency": round(seen.latency, 6),
        "connect": _rounded(timing.connect),
        "tls": _rounded(timing.tls),
        "first_byte": _rounded(timing.first_byte),
        "detail": seen.detail,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def plain(name: ServiceName) -> str:
    """The name as people write it, without the final dot."""
    return name.removesuffix(".")


def moment_view(controller: Controller, moment: float | None) -> str | None:
    """A monotonic moment as people read it."""
    return None if moment is None else utc_view(controller.clock.to_utc(moment))


def utc_view(moment: datetime | None) -> str | None:
    """A moment in ISO 8601."""
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
