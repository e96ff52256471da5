"""What differs between two record sets, in lines: also deep inside their routing, which is in the provider's own words.

A line begins with ``+``, ``-`` or ``~``, as what it is about is made, removed or changed. What a policy leads to,
a list of items, has lines of its own: those that lead to the same are in one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

View = Mapping[str, Any]
"""A record set as plain data: name, type, identifier, ttl, values, routing."""
VALUES = "values"


class Line(NamedTuple):
    """One line; one that is ``below`` another says more of that."""

    sign: str
    text: str
    below: bool = False


class _Item(NamedTuple):
    """An item of a list: what it leads to, and its only other trait with its name; several traits are one text."""

    target: str
    trait: str = ""
    text: str = ""


class _Traits(NamedTuple):
    """All that can differ between two record sets of one name, by its path: single words, and lists."""

    words: dict[str, str]
    lists: dict[str, list[_Item]]


def diff(removed: Iterable[View], added: Iterable[View]) -> Iterator[Line]:
    """What is done with each record set that is removed, added, or both."""
    before, after = ({_key(record): record for record in records} for records in (removed, added))
    for key in sorted(before.keys() | after.keys()):
        head, old, new = " ".join(filter(None, key)), before.get(key), after.get(key)
        if old is not None and new is not None:
            yield from _changed(head, _traits(old), _traits(new))
        elif new is not None:
            yield from _whole("+", head, _traits(new))
        elif old is not None:
            yield from _whole("-", head, _traits(old))


def _key(record: View) -> tuple[str, str, str]:
    return record["type"], record["name"], record["identifier"] or ""


def _traits(record: View) -> _Traits:
    traits = _Traits({}, {VALUES: list(map(_Item, record["values"]))})
    _gather("ttl", record["ttl"], traits)
    _gather("", record["routing"], traits)
    return traits


def _gather(path: str, value: object, traits: _Traits) -> None:
    """Add what is in ``value``, but for what says that something is not so."""
    match value:
        case dict():
            for name, member in value.items():
                _gather(f"{path}.{name}" if path else str(name), member, traits)
        case list():
            traits.lists[path] = [_item(member) for member in value]
        case None | False | "":
            pass
        case _:
            traits.words[path] = str(value)


def _item(value: object) -> _Item:
    if not isinstance(value, dict):
        return _Item(str(value))
    words, lists = traits = _Traits({}, {})
    _gather("", value, traits)
    target = " ".join(_joined(item) for items in lists.values() for item in items)
    if len(words) == 1:
        return _Item(target, *words.popitem())
    return _Item(target, "", ", ".join(f"{name} {text}" for name, text in words.items()))


def _joined(item: _Item) -> str:
    return ": ".join(filter(None, (item.target, f"{item.trait} {item.text}".strip())))


def _together(items: Iterable[_Item]) -> Iterator[str]:
    """Texts of ``items``; those that lead to the same, and have the same trait, are one."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in items:
        found.setdefault((item.target, item.trait), []).append(item.text)
    yield from (_joined(_Item(target, trait, ", ".join(texts))) for (target, trait), texts in found.items())


def _whole(sign: str, head: str, traits: _Traits) -> Iterator[Line]:
    """All of a record set; a list of plain values is short enough for the first line."""
    plain = {path: items for path, items in traits.lists.items() if not any(item.text for item in items)}
    parts = [f"{_named(path)}{' '.join(map(_joined, items))}" for path, items in plain.items() if items]
    parts += [f"{_short(path, traits.words)} {text}" for path, text in traits.words.items()]
    policies = {path: items for path, items in traits.lists.items() if path not in plain}
    yield Line(sign, f"{head}: {', '.join((*parts, *policies))}")
    for items in policies.values():
        yield from (Line(sign, text, below=True) for text in _together(items))


def _changed(head: str, old: _Traits, new: _Traits) -> Iterator[Line]:
    words, below = {**old.words, **new.words}, list[Line]()
    pairs = {path: (old.words.get(path, "none"), new.words.get(path, "none")) for path in words}
    parts = [f"{_short(path, words)} {one} -> {other}" for path, (one, other) in pairs.items() if one != other]
    for path in {**old.lists, **new.lists}:
        before, after = old.lists.get(path, []), new.lists.get(path, [])
        if before == after:
            continue
        if len(before) == len(after) == 1:
            parts.append(f"{_named(path)}{_joined(before[0])} -> {_joined(after[0])}")
            continue
        lines = list(_exchanged(before, after))
        parts.append(path if lines else f"{path} in another order")
        below += lines
    yield Line("~", f"{head}: {', '.join(parts) or 'in another form'}")
    yield from below


def _exchanged(before: list[_Item], after: list[_Item]) -> Iterator[Line]:
    """What only one of two lists has."""
    for sign, items in (("-", Counter(before) - Counter(after)), ("+", Counter(after) - Counter(before))):
        yield from (Line(sign, text, below=True) for text in _together(items.elements()))


def _named(path: str) -> str:
    """What a list is called before its items; nobody needs to be told that values are such."""
    return "" if path == VALUES else f"{path} "


def _short(path: str, paths: Iterable[str]) -> str:
    """The last word of a path, where no other one ends with it."""
    last = path.rpartition(".")[2]
    return last if sum(each.rpartition(".")[2] == last for each in paths) == 1 else path
