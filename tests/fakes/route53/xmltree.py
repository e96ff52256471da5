"""XML in and out: elements of requests without their namespace, and documents of responses from plain values."""

from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from tests.fakes.route53.errors import NAMESPACE, ApiError, invalid_input

Content = str | int | bool | Mapping[str, "Content"] | Sequence["Content"] | None
"""Text, elements below by name, or several of them; None is left out."""


def document(root: str, content: Mapping[str, Content]) -> str:
    """A response. A sequence becomes as many elements of one name: ``{"Zones": {"Zone": [...]}}``."""
    element = Element(root, xmlns=NAMESPACE)
    _fill(element, content)
    return tostring(element, encoding="unicode")


def _fill(element: Element, content: Content) -> None:
    match content:
        case bool():
            element.text = str(content).lower()
        case str() | int():
            element.text = str(content)
        case Mapping():
            for name, inner in content.items():
                several = inner if isinstance(inner, Sequence) and not isinstance(inner, str) else (inner,)
                for each in several:
                    if each is not None:
                        _fill(SubElement(element, name), each)
        case _:
            raise TypeError(content)


def parse(body: bytes) -> Element:
    """The root of a request, all names without their namespace.

    Raises:
        ApiError: it is no XML.
    """
    try:
        root = fromstring(body)
    except ParseError as error:
        raise ApiError("MalformedInput", f"Invalid XML ; {error}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def text(element: Element, path: str) -> str:
    """Of an element below; empty if there is none."""
    return element.findtext(path) or ""


def needed(element: Element, path: str) -> str:
    """Of an element that must be there.

    Raises:
        ApiError: it is not.
    """
    found = element.findtext(path)
    if found is None:
        raise invalid_input(
            f"Invalid XML ; cvc-complex-type.2.4.b: The content of element '{element.tag}' is not complete. "
            f"One of '{{\"{NAMESPACE}\":{path}}}' is expected."
        )
    return found


def integer(element: Element, path: str) -> int | None:
    """Of an element below; None if there is none.

    Raises:
        ApiError: it is no whole number.
    """
    found = element.findtext(path)
    if found is None:
        return None
    try:
        return int(found)
    except ValueError:
        raise invalid_input(
            f"Invalid XML ; cvc-datatype-valid.1.2.1: '{found}' is not a valid value for 'integer'."
        ) from None


def texts(element: Element, path: str) -> Iterator[str]:
    """Of all elements of that path."""
    return (found.text or "" for found in element.iterfind(path))
