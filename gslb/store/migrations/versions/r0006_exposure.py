"""Exposure ledgers remember of each answer the newest only, instead of every version of all answers."""

import json
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa
import structlog
from alembic import op

revision = "0006"
down_revision = "0005"

log = structlog.get_logger(__name__)

_table = sa.table("exposure_state", sa.column("service", sa.Text()), sa.column("answers", sa.Text()))


def upgrade() -> None:
    """Write each ledger in its new form; one that cannot be read is deleted, as a restart would pass it over."""
    connection = op.get_bind()
    for service, answers in connection.execute(sa.select(_table.c.service, _table.c.answers)).all():
        try:
            after = json.dumps(_folded(json.loads(answers)))
        except (ValueError, TypeError, KeyError):
            log.error("exposure ledger cannot be read, left out", service=service, answers=answers)  # noqa: TRY400  no trace needed
            connection.execute(sa.delete(_table).where(_table.c.service == service))
        else:
            connection.execute(sa.update(_table).where(_table.c.service == service).values(answers=after))


def _folded(versions: list[dict[str, Any]]) -> dict[str, Any]:
    """``versions`` are oldest first, but for those with generation 0, which were assumed at some time."""
    known = [each for each in versions if each["generation"]]
    newest: dict[str, Any] = known[-1] if known else {"generation": 0, "ttl": 0, "endpoints": []}
    former: dict[int, dict[str, list[Any]]] = {}
    for version, newer in zip_longest(versions, versions[1:]):
        if version is not newest:
            held = former.setdefault(version["ttl"], {})
            superseded = [newer["generation"] if newer else 0, version["ended"]]
            for name in version["endpoints"]:
                held[name] = max(superseded, held.get(name, superseded), key=_end)
    for name in newest["endpoints"]:  # still answered
        former.get(newest["ttl"], {}).pop(name, None)
    return {
        "generation": newest["generation"],
        "ttl": newest["ttl"],
        "endpoints": newest["endpoints"],
        "first": known[0]["generation"] if known else 0,
        "confirmed": max((each["generation"] for each in known if each["confirmed"]), default=0),
        "former": {ttl: held for ttl, held in former.items() if held},
    }


def _end(superseded: list[Any]) -> tuple[bool, float, int]:
    """What ends later is greater; what was not over by then ends last."""
    generation, ended = superseded
    return ended is None, ended or 0.0, generation
