"""The sections `codes` and `lots` of clinics.toml: the EHR's own codes and their meaning in national code tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec

from shared.adapters.configuration.schema import did_you_mean
from shared.domain.codes import cdc
from shared.domain.codes import tables as codes
from shared.domain.codes.local import LocalCodes, Lot, key
from shared.domain.codes.statuses import EVENT_STATUS
from shared.domain.codes.table import Table
from shared.domain.model import NO_CODE, Code
from shared.exports import values
from shared.exports.values import Dates

Problem = tuple[str, object, str, str]
"""Key (below the source or clinic), value, what is wrong, what to do."""


class CodeTarget(msgspec.Struct, frozen=True):
    """The standard codes that the local codes of one table may mean.

    Attributes:
        look_up: returns the code for its text, or None.
        description: the kind of code, for error messages.
        suggestions: returns the codes that an error message may suggest.
        may_be_unknown: whether the empty text maps a local code to "not known".
    """

    look_up: Callable[[str], Code | None]
    description: str
    suggestions: Callable[[], tuple[str, ...]] = tuple
    may_be_unknown: bool = False


def _exact_code(table: Table, raw: str) -> Code | None:
    code = table.look_up(raw)
    return code if code and code.code == raw else None


def _vaccine(raw: str) -> Code | None:
    return codes.cvx(raw) if cdc.cvx(raw) or cdc.is_newer_cvx(raw) else None


def _manufacturer(raw: str) -> Code | None:
    return codes.mvx(raw) if cdc.mvx(raw) else None


def _npi(raw: str) -> Code | None:
    return Code(raw, "", "NPI") if values.npi(raw) else None


def _all_codes(table: Table) -> tuple[str, ...]:
    return tuple(code for code, _, _ in table.rows if code)


def _target(table: Table, *, may_be_unknown: bool = False) -> CodeTarget:
    description = f"a code of {table.name}"
    return CodeTarget(partial(_exact_code, table), description, partial(_all_codes, table), may_be_unknown)


TARGETS: Final[Mapping[str, CodeTarget]] = {
    # A vaccine or manufacturer with a similar code is another one, so none is suggested.
    "vaccine": CodeTarget(_vaccine, "a CVX code of CDC's table, or a newer one"),
    "manufacturer": CodeTarget(_manufacturer, "an MVX code of CDC's table"),
    "route": _target(codes.ROUTE, may_be_unknown=True),
    "site": _target(codes.SITE, may_be_unknown=True),
    "race": _target(codes.RACE, may_be_unknown=True),
    "ethnicity": _target(codes.ETHNICITY, may_be_unknown=True),
    "eligibility": _target(codes.ELIGIBILITY),
    "funding_source": _target(codes.FUNDING_SOURCE),
    "provider": CodeTarget(_npi, "an NPI (ten digits)"),
    "relationship": _target(codes.RELATIONSHIP, may_be_unknown=True),
    "refusal_reason": _target(codes.REFUSAL_REASON),
    "completion": _target(EVENT_STATUS),
    "information_source": _target(codes.INFORMATION_SOURCE),
    "action": _target(codes.ACTION),
    "sex": _target(codes.SEX),
    "units": _target(codes.UNITS),
}
"""Code table in clinics.toml → the standard codes that it may map to."""

_DATES: Final = Dates(("%Y-%m-%d",))


def _ndc(raw: str) -> str | None:
    return cdc.ndc_11(raw) or None


_LOT_KEYS: Final[Mapping[str, tuple[str, Callable[[str], Any], str]]] = {
    "ndc": ("ndc", _ndc, "an NDC"),
    "cvx": ("vaccine", _vaccine, TARGETS["vaccine"].description),
    "mvx": ("manufacturer", _manufacturer, TARGETS["manufacturer"].description),
    "expiry": ("expiry", _DATES.day_or_month, "a date (2027-03-31) or month (2027-03)"),
    "funding_source": ("funding_source", TARGETS["funding_source"].look_up, TARGETS["funding_source"].description),
    "eligibility": ("eligibility", TARGETS["eligibility"].look_up, TARGETS["eligibility"].description),
}
"""Key of a lot → (attribute of `Lot`, parser, description for error messages)."""


def find_problems(codes_: Mapping[str, Mapping[str, str]], lots: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    """Yield every problem of the two sections of one source or clinic."""
    for table, map_ in codes_.items():
        if table not in TARGETS:
            fix = f"Use one of {', '.join(TARGETS)}{did_you_mean(table, TARGETS)}"
            yield f"codes.{table}", None, "there is no such table of codes", fix
        else:
            yield from _mapping_problems(table, map_)
    seen: dict[str, str] = {}
    for number, content in lots.items():
        path = f'lots."{number}"'
        yield from _name_problems(path, number, seen)
        for name, value in content.items():
            if name not in _LOT_KEYS:
                yield f"{path}.{name}", value, "there is no such key", f"Remove it{did_you_mean(name, _LOT_KEYS)}"
            elif not _LOT_KEYS[name][1](value):
                yield f"{path}.{name}", value, f"it is not {_LOT_KEYS[name][2]}", "Correct it"


def _mapping_problems(table: str, map_: Mapping[str, str]) -> Iterator[Problem]:
    target = TARGETS[table]
    seen: dict[str, str] = {}
    for own, meant in map_.items():
        path = f'codes.{table}."{own}"'
        yield from _name_problems(path, own, seen)
        if (meant or not target.may_be_unknown) and target.look_up(meant) is None:
            fix = f"Use one{did_you_mean(meant, target.suggestions())}"
            yield path, meant, f"it is not {target.description}", fix


def _name_problems(path: str, own: str, seen: dict[str, str]) -> Iterator[Problem]:
    """Yield a problem where a local code or lot number is empty or equals one in `seen`, which it is added to."""
    if not key(own):
        yield path, None, "the name is empty", "Write the export's own"
    elif key(own) in seen:
        other = seen[key(own)]
        yield path, None, f'it is the same as "{other}" (capitals and spaces do not count)', "Remove one of them"
    seen.setdefault(key(own), own)


def _keys(table: str, own: str) -> tuple[str, ...]:
    """The forms in which a local code is compared; a package code for a vaccine may be written in any way."""
    package = _ndc(own) if table == "vaccine" else None
    return (key(own), key(package)) if package else (key(own),)


def local_codes(codes_: Mapping[str, Mapping[str, str]], lots: Mapping[str, Mapping[str, str]]) -> LocalCodes:
    """Return the code maps of one source or clinic whose sections have no problems."""
    tables = {
        table: MappingProxyType(
            {
                spelling: TARGETS[table].look_up(meant) or NO_CODE
                for own, meant in map_.items()
                for spelling in _keys(table, own)
            }
        )
        for table, map_ in codes_.items()
    }
    inventory = {
        key(number): Lot(**{_LOT_KEYS[name][0]: _LOT_KEYS[name][1](value) for name, value in content.items()})
        for number, content in lots.items()
    }
    return LocalCodes(MappingProxyType(tables), MappingProxyType(inventory))
