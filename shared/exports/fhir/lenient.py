"""Decodes resources, and leaves out what has another JSON shape than FHIR's instead of refusing the resource.

A resource of the right shape, which nearly every one is, is decoded by msgspec at once. Only where that fails, it is
read element by element: a null is no value, one object stands for a list of it, a list of one for the object, and a
number for its text. An element that still cannot be read is left out and named.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec

from shared.domain.model import Finding
from shared.exports.fhir import model as fhir

_Resource = TypeVar("_Resource", bound=msgspec.Struct)
# Elements without which a dose may be reported as another one, or as another person's.
_MATTERING: Final[dict[type, frozenset[str]]] = {
    fhir.Immunization: frozenset(
        {"status", "vaccineCode", "patient", "occurrenceDateTime", "date", "primarySource", "reported", "isSubpotent"}
        | {"subpotentReason", "notGiven", "wasNotGiven", "lotNumber", "location"}
    ),
    fhir.Patient: frozenset({"identifier", "active", "name", "birthDate", "gender", "link"}),
}
_WORDS: Final = frozenset({"display", "text"})
_DECODERS: Final[dict[type, Any]] = {
    fhir.Line: fhir.LINE,
    fhir.Immunization: fhir.IMMUNIZATION,
    fhir.Patient: fhir.PATIENT,
    fhir.Actor: fhir.ACTOR,
}


def decode(payload: bytes, kind: type[_Resource]) -> tuple[_Resource, tuple[str, ...]]:
    """Decode a resource.

    Args:
        payload: The resource as JSON.
        kind: The struct.

    Returns:
        The resource, and the paths of the elements that were left out because of their shape (`name.given`).

    Raises:
        msgspec.DecodeError: The payload is no JSON object, or lacks what the struct requires.
    """
    try:
        return _DECODERS[kind].decode(payload), ()
    except msgspec.ValidationError:
        content = msgspec.json.decode(payload)
        left_out: list[str] = []
        if not isinstance(content, dict):
            raise
        read = _struct(content, kind, "", left_out)
        if read is None:
            raise
        return read, tuple(dict.fromkeys(left_out))


def findings(left_out: Iterable[str], kind: type[msgspec.Struct], path: str, row: int = 0) -> list[Finding]:
    """Return findings about elements that were left out: an error if the element matters.

    Args:
        left_out: Their paths, as `decode` returns them.
        kind: The struct of the resource.
        path: The HL7 segment that is made from it.
        row: The row of the resource.
    """
    mattering = _MATTERING.get(kind, frozenset())
    made = []
    for element in left_out:
        names = element.split(".")
        matters = names[0] in mattering and names[-1] not in _WORDS
        code = "ELEMENT-UNREADABLE" if matters else "ELEMENT-LEFT-OUT"
        made.append(Finding(code, path, row, f"{kind.__name__}.{element}", "not of the JSON type that FHIR gives it"))
    return made


def _struct(content: dict[str, Any], kind: type[Any], path: str, left_out: list[str]) -> Any:
    """A struct of what can be read; None if a required field is missing."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        value = content.get(field.name)
        if value is None:
            continue
        inner = f"{path}.{field.name}" if path else field.name
        read = _value(value, field.type, inner, left_out)
        if read is not None:
            found[field.name] = read
    try:
        return kind(**found)
    except TypeError:
        return None


def _value(value: Any, kind: Any, path: str, left_out: list[str]) -> Any:
    if get_origin(kind) is tuple:
        (inner,) = set(get_args(kind)) - {Ellipsis}
        values = value if isinstance(value, list) else [value]
        each = (_value(one, inner, path, left_out) for one in values if one is not None)
        return tuple(one for one in each if one is not None)
    if isinstance(value, list) and len(value) == 1 and not _takes_list(kind):
        value = value[0]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if isinstance(value, dict):
            return _struct(value, kind, path, left_out)
    elif kind is str:
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    else:
        for one in get_args(kind) or (kind,):
            read = _converted(value, one, path)
            if read is not None:
                return read
    left_out.append(path)
    return None


def _takes_list(kind: Any) -> bool:
    return any(get_origin(one) is tuple for one in get_args(kind))


def _converted(value: Any, kind: Any, path: str) -> Any:
    if get_origin(kind) is tuple:
        return _value(value, kind, path, []) if isinstance(value, (list, dict)) else None
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return None
