"""What the API answers, as plain data. Times are ISO 8601 in UTC, durations seconds."""

from datetime import datetime
from fractions import Fraction
from typing import Any

import gslb
from gslb.control.controller import Controller
from gslb.control.health import endpoints_of
from gslb.control.vantage import Vantage
from gslb.model.branch import Reason
from gslb.model.combine import Health
from gslb.model.distribution import distribution
from gslb.model.explain import Explanation, explain
from gslb.model.location import Client, Location
from gslb.model.names import ServiceName
from gslb.model.observation import CheckKey, Observation, ProbeResult, Timing
from gslb.model.override import Override
from gslb.model.record import (
    DecisionRecord,
    DoubtRecord,
    Evidence,
    HistoryRecord,
    OrderRecord,
    PublicationRecord,
    TransitionRecord,
)
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
        "started": _utc(controller.started_utc),
        "now": _utc(controller.clock.utc()),
        "generation": controller.publisher.generation,
        "state": "degraded" if controller.store.degraded else "ok",
        "nameservers": [
            {"name": place.name, "connected": place.connected, "generation": place.generation}
            for place in controller.embedded.places()
        ],
        "vantages": [_vantage_view(controller, vantage) for vantage in engine.votes.vantages.values()],
        "services": [_service_view(controller, name) for name in engine.topology.services],
        "drains": [override_view(controller, override) for override in controller.orders.in_force],
    }


def _vantage_view(controller: Controller, vantage: Vantage) -> View:
    state, reason, since = _word(controller, vantage)
    return {
        "name": vantage.name,
        "state": state,
        "reason": reason,
        "since": _moment(controller, since),
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
        "name": _plain(name),
        "decided": decision is not None,
        "good": decision.good if decision else None,
        "ttl": decision.steering.ttl if decision else None,
        "answers": _answers(decision.steering) if decision else {},
        "endpoints": [
            _endpoint_view(controller, name, endpoint, decision)
            for endpoint in endpoints_of(engine.topology.services[name], engine.topology)
        ],
    }


def _answers(steering: Steering) -> dict[str, dict[str, float]]:
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
        "since": _moment(controller, engine.since(service, name)),
        "detail": standing.detail,
        "answers": decision is not None and name in answering(decision.steering),
        "fitness": fitness.name.lower() if fitness is not None else None,
        "held_until": _moment(controller, hold),
        "score": round(standing.score, 3),
        "addresses": [str(address) for address in standing.addresses],
        "latency": engine.latency(service, name),
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
    endpoints, steering = endpoints_of(service, engine.topology), decision.steering
    rules = steering.rules if client is None else (rule_for(steering, client),)
    view["rules"] = [_rule_view(explain(decision, endpoints, rule, client), steering) for rule in rules]
    view["ttl_reason"] = decision.ttl_reason
    view["decide_again"] = _moment(controller, decision.next_at)
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


def override_view(controller: Controller, override: Override) -> View:
    """One drain in force."""
    return {
        "target": override.target,
        "author": override.author,
        "reason": override.reason,
        "created": _moment(controller, override.created),
        "expires": _moment(controller, override.expires),
    }


def history_view(record: HistoryRecord) -> View:
    """One line of history; ``kind`` says which."""
    return {"at": _utc(record.at_utc), **_history_body(record)}


def _history_body(record: HistoryRecord) -> View:
    match record:
        case TransitionRecord():
            return {
                "kind": "transition",
                "endpoint": record.endpoint,
                "before": record.before,
                "after": record.after,
                "services": [_plain(name) for name in record.services],
                "evidence": [_evidence_view(evidence) for evidence in record.evidence],
            }
        case DecisionRecord():
            return {
                "kind": "decision",
                "service": _plain(record.service),
                "trigger": record.trigger,
                "generation": record.generation,
                "good": record.good,
                "before": _answers(record.before) if record.before else None,
                "after": _answers(record.after),
                "ttl": record.after.ttl,
                "reasons": [f"{r.subject}: {r.text}" for r in record.reasons],
            }
        case PublicationRecord():
            return {
                "kind": "publication",
                "provider": record.provider,
                "generation": record.generation,
                "services": [_plain(name) for name in record.services],
                "seconds": round(record.seconds, 4),
            }
        case DoubtRecord():
            return {"kind": "doubt", "vantage": record.vantage, "reason": record.reason}
        case OrderRecord():
            return {
                "kind": "order",
                "action": record.action,
                "target": record.target,
                "author": record.author,
                "reason": record.reason,
                "expires": _utc(record.expires_utc),
            }


def _evidence_view(evidence: Evidence) -> View:
    return {"at": _utc(evidence.at_utc), **_seen_view(evidence.key, evidence.observation)}


def result_view(controller: Controller, result: ProbeResult) -> View:
    """One probe result."""
    return {"at": _moment(controller, result.at), **_seen_view(result.key, result.observation)}


def _seen_view(key: CheckKey, seen: Observation) -> View:
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


def _plain(name: ServiceName) -> str:
    """The name as people write it, without the final dot."""
    return name.removesuffix(".")


def _moment(controller: Controller, moment: float | None) -> str | None:
    return None if moment is None else _utc(controller.clock.to_utc(moment))


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
