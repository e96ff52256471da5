"""Exposure ledgers remember of each answer the newest only, instead of every version of all answers."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_table = sa.table("exposure_state", sa.column("service", sa.Text()), sa.column("answers", sa.Text()))


def upgrade() -> None:
    """Write each ledger in its new form."""
    connection = op.get_bind()
    for service, answers in connection.execute(sa.select(_table.c.service, _table.c.answers)).all():
        after = json.dumps(_folded(json.loads(answers)))
        connection.execute(sa.update(_table).where(_table.c.service == service).values(answers=after))


def _folded(versions: list[dict[str, Any]]) -> dict[str, Any]:
    """``versions`` are oldest first. Where several have an endpoint with the same TTL, the last ends last."""
    known = [each for each in versions if each["generation"]]
    newest: dict[str, Any] = known[-1] if known else {"generation": 0, "ttl": 0, "endpoints": []}
    former: dict[int, dict[str, Any]] = {}
    for version, newer in zip(versions, [*versions[1:], None], strict=True):
        if version is not newest:
            superseded = [newer["generation"] if newer else 0, version["ended"]]
            former.setdefault(version["ttl"], {}).update(dict.fromkeys(version["endpoints"], superseded))
    given = {name: each for name, each in former.get(newest["ttl"], {}).items() if name not in newest["endpoints"]}
    return {
        "generation": newest["generation"],
        "ttl": newest["ttl"],
        "endpoints": newest["endpoints"],
        "first": known[0]["generation"] if known else 0,
        "withdrawn": False,
        "confirmed": max((each["generation"] for each in known if each["confirmed"]), default=0),
        "former": {ttl: held for ttl, held in (former | {newest["ttl"]: given}).items() if held},
    }
