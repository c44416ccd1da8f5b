"""Finds in a resource what `elements` says is left out, what holds the dose, and what the table does not know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal, NamedTuple

import msgspec

from shared.exports.fhir.elements import EXTENSIONS, TABLE, TITLES, Element, Fate

_SHOWN: Final = 120
_RAW_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_ENTRIES: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_NO_JSON: Final = msgspec.Raw(b"")
_DECODER: Final = msgspec.json.Decoder()


class Node(NamedTuple):
    """One element, with what may stand in it.

    Attributes:
        fate: What becomes of it.
        parts: Its parts by their names; empty if it has none, or if they share its fate.
        quiet: The parts in which nothing can be found.
    """

    fate: Fate
    parts: Mapping[str, Node]
    quiet: frozenset[str]


class Found(NamedTuple):
    """Something that a reader does not read.

    Attributes:
        path: The element, or the URL of an extension behind it.
        fate: LEFT_OUT or HOLDS; None if the table does not know it.
        value: What it says, shortened.
    """

    path: str
    fate: Fate | None
    value: str


_NOTHING: Final[frozenset[str]] = frozenset()
_EXTENSION: Final = Node(Fate.DECIDES, {}, _NOTHING)
_MODIFIER: Final = Node(Fate.HOLDS, {}, _NOTHING)
_CONTAINED: Final = Node(Fate.DECIDES, {}, _NOTHING)
# These are looked at one by one.
_SPECIAL: Final = (_EXTENSION, _MODIFIER, _CONTAINED)
_BY_URL: Final = {element.path: element for element in EXTENSIONS if not element.path.endswith("-")}


class _KnownExtension(msgspec.Struct, gc=False):
    url: Literal[tuple(sorted(_BY_URL))]  # type: ignore[valid-type]


_BY_START: Final = tuple(element.path for element in EXTENSIONS if element.path.endswith("-"))
_SAID: Final = frozenset({Fate.LEFT_OUT, Fate.HOLDS})
# Every element may have an id and extensions, and those of a resource may change its meaning.
_EVERYWHERE: Final = {
    "id": Node(Fate.HARMLESS, {}, _NOTHING),
    "extension": _EXTENSION,
    "modifierExtension": _MODIFIER,
}
_ANY: Final = Node(Fate.HARMLESS, _EVERYWHERE, frozenset({"id"}))


def found_in(payload: bytes, kind: str) -> list[Found]:
    """Return what of a resource is not read, and not harmless.

    Args:
        payload: The resource as JSON.
        kind: The name of its table in `elements`.
    """
    try:
        _quiet_form(kind).decode(payload)
    except msgspec.ValidationError:
        return _found(payload, kind)
    except msgspec.DecodeError:
        # A deletion that was read nevertheless.
        pass
    return []


def _found(payload: bytes, kind: str) -> list[Found]:
    content = _without_resources(payload) if kind == "Bundle" else _DECODER.decode(payload)
    found: list[Found] = []
    if isinstance(content, dict):
        _walk(content, root(kind), kind, found)
    return found


_BY_NAME: Final = {"extension": _EXTENSION, "modifierExtension": _MODIFIER, "contained": _CONTAINED}


def _without_resources(payload: bytes) -> Any:
    """A Bundle without the resources in it, which may be large, and which are looked at one by one."""
    try:
        content = _RAW_PARTS.decode(payload)
        entries = _RAW_ENTRIES.decode(content.pop("entry", b"[]"))
    except msgspec.ValidationError:
        return None
    read = {name: _DECODER.decode(value) for name, value in content.items()}
    read["entry"] = [
        {name: _DECODER.decode(value) for name, value in entry.items() if name != "resource"} for entry in entries
    ]
    return read


@cache
def root(kind: str) -> Node:
    """Return a resource or type with its elements."""
    below: dict[str, dict[str, Element]] = {}
    for element in TABLE:
        above, _, name = element.path.rpartition(".")
        below.setdefault(above, {})[name] = element

    def node(fate: Fate, path: str, type_name: str = "") -> Node:
        own = below.get(path, {}) | below.get(type_name, {})
        if not own:
            return Node(fate, {}, _NOTHING)
        parts = _EVERYWHERE | {name: made(element) for name, element in own.items()}
        return Node(fate, parts, frozenset(name for name, part in parts.items() if _is_quiet(part)))

    def made(element: Element) -> Node:
        special = _BY_NAME.get(element.path.rpartition(".")[2]) if element.fate is not Fate.HARMLESS else None
        return special or node(element.fate, element.path, element.type)

    return node(Fate.DECIDES, kind)


@cache
def _quiet_form(kind: str) -> msgspec.json.Decoder[Any]:
    """A decoder that refuses a resource in which something may be found. Nearly every resource passes it."""

    def form(node: Node, name: str) -> Any:
        fields: list[tuple[str, Any, Any]] = []
        for part, inner in node.parts.items():
            if inner is _EXTENSION:
                fields.append((part, list[_KnownExtension], ()))
            elif inner is _MODIFIER or inner is _CONTAINED:
                continue
            elif inner.parts:
                struct = form(inner, f"{name}_{part}")
                fields.append((part, struct | list[struct | None], None))  # type: ignore[valid-type]
            elif inner.fate not in _SAID:
                fields.append((part, msgspec.Raw, _NO_JSON))
        return msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False)

    return msgspec.json.Decoder(form(root(kind), kind))


def _is_quiet(node: Node) -> bool:
    return not any(node is special for special in _SPECIAL) and not node.parts and node.fate not in _SAID


def _walk(content: dict[str, Any], node: Node, path: str, found: list[Found]) -> None:
    for name in content.keys() - node.quiet:
        part, value = node.parts.get(name), content[name]
        if part is None:
            _unknown(name, value, node, path, found)
        elif part is _EXTENSION or part is _MODIFIER:
            _extensions(value, f"{path}.{name}", part, found)
        elif part is _CONTAINED:
            _contained(value, f"{path}.{name}", found)
        elif part.parts:
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, dict) and not one.keys() <= part.quiet:
                    _walk(one, part, f"{path}.{name}", found)
        elif value not in _EMPTY:
            found.append(Found(f"{path}.{name}", part.fate, _shown(value)))


_EMPTY: Final[tuple[object, ...]] = (None, [], {}, "")


def _unknown(name: str, value: Any, node: Node, path: str, found: list[Found]) -> None:
    """An element that the table does not have. `_name` has the extensions of a primitive element `name`."""
    if name.startswith("_") and name[1:] in node.parts:
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, dict):
                _walk(one, _ANY, f"{path}.{name[1:]}", found)
    else:
        found.append(Found(f"{path}.{name}", None, _shown(value)))


def _extensions(extensions: Any, path: str, node: Node, found: list[Found]) -> None:
    for extension in extensions if isinstance(extensions, list) else (extensions,):
        url = extension.get("url") if isinstance(extension, dict) else None
        if node is _MODIFIER:
            found.append(Found(f"{path} {url or 'without URL'}", Fate.HOLDS, _shown(extension)))
        elif not (isinstance(url, str) and (url in _BY_URL or url.startswith(_BY_START))):
            found.append(Found(f"{path} {url or 'without URL'}", None, _shown(extension)))


def _contained(resources: Any, path: str, found: list[Found]) -> None:
    """Resources within a resource; of a type that no reader looks at, nothing matters."""
    for resource in resources if isinstance(resources, list) else (resources,):
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if isinstance(kind, str) and kind in TITLES:
            _walk(resource, root(kind), f"{path}.{kind}", found)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
