"""What a parser may skip, it must not see otherwise than one that reads every octet."""

from hypothesis import given
from hypothesis import strategies as st

from probes.net.http1 import KNOWN, MAX_KNOWN, Kept, ResponseError

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
RESPONSES = st.one_of(
    st.sampled_from(
        (
            WHOLE,
            WHOLE + b"x",
            WHOLE[:-1],
            WHOLE + WHOLE,
            b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            b"SSH-2.0-OpenSSH\r\n",
        )
    ),
    st.binary(min_size=1, max_size=40),
)


def amounts_to(octets: bytes, cut: int, response: Kept) -> tuple[object, ...]:
    """What a response tells after these octets, in one or two pieces."""
    try:
        for piece in (octets[:cut], octets[cut:]):
            if piece:
                response.feed(piece)
    except ResponseError as error:
        return (error.cause, str(error))
    return (response.status, response.complete, response.judgeable, response.reusable, response.pending)


def read(octets: bytes, cut: int = 0) -> tuple[object, ...]:
    return amounts_to(octets, cut, Kept(whole=False, head_only=False))


@given(RESPONSES, st.integers(0, 80))
def test_octets_that_were_seen_before_amount_to_the_same(octets: bytes, cut: int) -> None:
    Kept._known.clear()
    first = read(octets, cut)
    read(octets)
    assert read(octets, cut) == first


@given(RESPONSES, RESPONSES)
def test_the_next_response_on_a_connection_is_read_as_if_the_one_before_had_been_parsed(
    before: bytes, octets: bytes
) -> None:
    def after(*, known: bool) -> tuple[object, ...] | None:
        Kept._known.clear()
        if known:
            read(before)
        response = Kept(whole=False, head_only=False)
        amounts_to(before, 0, response)
        if not response.reusable:
            return None
        response.renew()
        if not known:
            Kept._known.clear()
        return amounts_to(octets, 0, response)

    assert after(known=True) == after(known=False)


def test_what_is_known_is_bounded() -> None:
    for number in range(KNOWN + 10):
        read(b"HTTP/1.1 200 %d\r\nContent-Length: 0\r\n\r\n" % number)
    assert 0 < len(Kept._known) <= KNOWN
    long = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MAX_KNOWN + b"x" * MAX_KNOWN
    assert read(long)[0] == 200
    assert long not in Kept._known


def test_a_known_response_is_not_parsed() -> None:
    Kept._known.clear()
    read(WHOLE)
    response = Kept(whole=False, head_only=False)
    response._parser = None  # type: ignore[assignment]  # parsing would raise
    response.feed(WHOLE)
    assert response.reusable
    assert response.status == 200
