"""The sections `codes` and `lots` of clinics.toml: the EHR's own codes, and what they mean in the national tables."""

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
from shared.domain.codes.table import Table
from shared.domain.model import NO_CODE, Code
from shared.exports import values
from shared.exports.values import Dates

# Key (below the source or clinic), value, what is wrong, what to do.
Problem = tuple[str, object, str, str]


class Target(msgspec.Struct, frozen=True):
    """What one table's local codes may mean: how a target is read, what it is called, and the codes to suggest."""

    read: Callable[[str], Code | None]
    called: str
    suggestions: Callable[[], tuple[str, ...]] = tuple
    may_be_unknown: bool = False


def _of_table(table: Table, raw: str) -> Code | None:
    code = table.look_up(raw)
    return code if code and code.code == raw else None


def _vaccine(raw: str) -> Code | None:
    return codes.cvx(raw) if cdc.cvx(raw) else None


def _manufacturer(raw: str) -> Code | None:
    return codes.mvx(raw) if cdc.mvx(raw) else None


def _npi(raw: str) -> Code | None:
    return Code(raw, "", "NPI") if values.npi(raw) else None


def _own(table: Table) -> tuple[str, ...]:
    return tuple(code for code, _, _ in table.rows if code)


def _target(table: Table, *, may_be_unknown: bool = False) -> Target:
    return Target(partial(_of_table, table), f"a code of {table.name}", partial(_own, table), may_be_unknown)


TARGETS: Final[Mapping[str, Target]] = {
    "vaccine": Target(_vaccine, "a CVX code of CDC's table", cdc.cvx_codes),
    "manufacturer": Target(_manufacturer, "an MVX code of CDC's table", cdc.mvx_codes),
    "route": _target(codes.ROUTE, may_be_unknown=True),
    "site": _target(codes.SITE, may_be_unknown=True),
    "race": _target(codes.RACE, may_be_unknown=True),
    "ethnicity": _target(codes.ETHNICITY, may_be_unknown=True),
    "eligibility": _target(codes.ELIGIBILITY),
    "funding_source": _target(codes.FUNDING_SOURCE),
    "provider": Target(_npi, "an NPI (ten digits)"),
    "relationship": _target(codes.RELATIONSHIP, may_be_unknown=True),
    "refusal_reason": _target(codes.REFUSAL_REASON),
}
"""The tables that a map may be given for. Where `may_be_unknown`, the empty text maps a code to "not known"."""

_DATES: Final = Dates(("%Y-%m-%d",))


def _ndc(raw: str) -> str | None:
    return cdc.ndc_11(raw) or None


# Key of a lot → (attribute of `Lot`, how it is read, what it is called).
_LOT: Final[Mapping[str, tuple[str, Callable[[str], Any], str]]] = {
    "ndc": ("ndc", _ndc, "an NDC"),
    "cvx": ("vaccine", _vaccine, TARGETS["vaccine"].called),
    "mvx": ("manufacturer", _manufacturer, TARGETS["manufacturer"].called),
    "expiry": ("expiry", _DATES.day_or_month, "a date (2027-03-31) or month (2027-03)"),
    "funding_source": ("funding_source", TARGETS["funding_source"].read, TARGETS["funding_source"].called),
    "eligibility": ("eligibility", TARGETS["eligibility"].read, TARGETS["eligibility"].called),
}


def problems(codes_: Mapping[str, Mapping[str, str]], lots: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    """Everything that is wrong with the two sections of one source or clinic."""
    for table, map_ in codes_.items():
        if table not in TARGETS:
            fix = f"Use one of {', '.join(TARGETS)}{did_you_mean(table, TARGETS)}"
            yield f"codes.{table}", None, "there is no such table of codes", fix
        else:
            yield from _of_map(table, map_)
    seen: dict[str, str] = {}
    for number, content in lots.items():
        path = f'lots."{number}"'
        yield from _repeated(path, number, seen)
        for name, value in content.items():
            if name not in _LOT:
                yield f"{path}.{name}", value, "there is no such key", f"Remove it{did_you_mean(name, _LOT)}"
            elif not _LOT[name][1](value):
                yield f"{path}.{name}", value, f"it is not {_LOT[name][2]}", "Correct it"


def _of_map(table: str, map_: Mapping[str, str]) -> Iterator[Problem]:
    target = TARGETS[table]
    seen: dict[str, str] = {}
    for own, meant in map_.items():
        path = f'codes.{table}."{own}"'
        yield from _repeated(path, own, seen)
        if (meant or not target.may_be_unknown) and target.read(meant) is None:
            yield path, meant, f"it is not {target.called}", f"Use one{did_you_mean(meant, target.suggestions())}"


def _repeated(path: str, own: str, seen: dict[str, str]) -> Iterator[Problem]:
    if not key(own):
        yield path, None, "the name is empty", "Write the export's own"
    elif key(own) in seen:
        other = seen[key(own)]
        yield path, None, f'it is the same as "{other}" (capitals and spaces do not count)', "Remove one of them"
    seen.setdefault(key(own), own)


def resolved(codes_: Mapping[str, Mapping[str, str]], lots: Mapping[str, Mapping[str, str]]) -> LocalCodes:
    """The maps of one source or clinic, both sections being right."""
    tables = {
        table: MappingProxyType({key(own): TARGETS[table].read(meant) or NO_CODE for own, meant in map_.items()})
        for table, map_ in codes_.items()
    }
    inventory = {
        key(number): Lot(**{_LOT[name][0]: _LOT[name][1](value) for name, value in content.items()})
        for number, content in lots.items()
    }
    return LocalCodes(MappingProxyType(tables), MappingProxyType(inventory))
