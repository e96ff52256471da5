"""How a nameserver behaves beside what it answers: comes with the snapshot, so that a reload changes it.

Plain data; ``features`` makes of it what answers go by.
"""

import msgspec


class RateLimit(msgspec.Struct, frozen=True):
    """How many responses over UDP a network of clients gets that has not shown who it is.

    A network is an IPv4 /24 or an IPv6 /56.

    Attributes:
        answers: with records in the answer section, a second.
        others: errors, referrals and responses without an answer, a second.
        slip: of the others, each how many-th gets a truncated response instead of none; 0: none does.
        exempt: networks in CIDR form that are not limited.
    """

    answers: float
    others: float
    slip: int = 2
    exempt: tuple[str, ...] = ()


class QueryLog(msgspec.Struct, frozen=True):
    """Which queries are written down.

    Attributes:
        file: where to; each worker puts its name into that.
        sample: their share, 0..1.
        max_bytes: of a file, which is then kept as ``FILE.1`` in place of the one before.
    """

    file: str
    sample: float
    max_bytes: int


class Settings(msgspec.Struct, frozen=True):
    """All of it. By default nothing is told, and nothing is limited.

    Attributes:
        identity: what NSID (RFC 5001) and id.server (RFC 4892) say; empty: nothing.
        version: what version.server and version.bind say; empty: nothing.
        cookie_secrets: 16 bytes each, in hexadecimal. The first makes server cookies, all are good for checking them;
            without any, cookies are ignored.
        rate_limit: None: none.
        stale_after: seconds without any control process after which answers of services say that they are stale
            (RFC 8914); 0: they never do.
        explain: networks in CIDR form whose questions for ``_explain.NAME`` are answered.
        query_log: None: there is none.
        metrics_file: where workers write their metrics, each into that with its name; empty: nowhere.
    """

    identity: str = ""
    version: str = ""
    cookie_secrets: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None
    stale_after: float = 0.0
    explain: tuple[str, ...] = ()
    query_log: QueryLog | None = None
    metrics_file: str = ""


DEFAULTS = Settings()
