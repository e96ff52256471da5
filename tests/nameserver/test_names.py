import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.errors import SnapshotError
from gslb.nameserver.rrset import wire_name

labels = st.text("abc019-_*AZ", min_size=1, max_size=66)


@given(st.lists(labels, min_size=1, max_size=6))
def test_a_name_is_what_dnspython_makes_of_it_or_none_at_all(parts: list[str]) -> None:
    text = "".join(f"{part}." for part in parts)
    try:
        expected = dns.name.from_text(text).to_digestable()
    except dns.exception.DNSException:
        with pytest.raises(SnapshotError):
            wire_name(text)
    else:
        assert wire_name(text) == expected


@pytest.mark.parametrize(("last", "fits"), [(61, True), (62, False)])
def test_a_name_has_at_most_255_octets(last: int, *, fits: bool) -> None:
    text = f"{'a' * 63}." * 3 + "b" * last + "."
    if fits:
        assert len(wire_name(text)) == 255
    else:
        with pytest.raises(SnapshotError):
            wire_name(text)


@pytest.mark.parametrize("text", ["", ".", "a..b.", "\\065.example.com.", "bücher.example.", "a", "a\n.", "a.\n"])
def test_what_is_not_plain_is_left_to_dnspython(text: str) -> None:
    try:
        expected = dns.name.from_text(text).to_digestable()
    except (dns.exception.DNSException, UnicodeError):
        with pytest.raises(SnapshotError):
            wire_name(text)
    else:
        assert wire_name(text) == expected
