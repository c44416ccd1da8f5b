"""Rules between vaccine, manufacturer, package and date of a dose, by CDC's tables.

A rule is broken only if CDC's tables decide it, not if they lack or do not complete the data. `checks.TABLE_OF_CODES`
has the severity of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from shared.domain.codes import cdc
from shared.domain.codes.cdc.rows import Cvx, Kind, Mvx, Status


class Given(NamedTuple):
    """The codes of one dose as they would be sent.

    Attributes:
        cvx: The vaccine.
        mvx: The manufacturer.
        ndc: The package in 11-digit form.
        on: The day of the dose, `YYYYMMDD`.
        administered: It was given by the reporting clinic (RXA-9.1 = 00).
    """

    cvx: str
    mvx: str = ""
    ndc: str = ""
    on: str = ""
    administered: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: The code of its findings.
        path: The HL7 field.
        words: What is wrong, for the analyst.
        fix: What to do, for the analyst.
        value: Returns the code, or the compared codes, that break the rule; empty if it is not broken.
    """

    code: str
    path: str
    words: str
    fix: str
    value: Callable[[Given], str]


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a dose breaks, with the value that breaks it."""

    rule: Rule
    value: str


# Cached: an export repeats the same few codes, and this saves 6 us a dose, 1 % of what converting its row costs.
@lru_cache(maxsize=8192)
def broken(given: Given) -> tuple[Broken, ...]:
    """Return the rules that the codes of a dose break, in the order of `RULES`."""
    return tuple([Broken(rule, value) for rule in RULES if (value := rule.value(given))])


def inactive_at(row: Cvx | Mvx, on: str) -> bool:
    """Tell whether a code was certainly inactive on a day.

    CDC publishes no history of states. An inactive row became inactive at its last change or before, so it may have
    been active before that day.
    """
    return row.status is Status.INACTIVE and on > row.updated


def _of_cvx(holds: Callable[[Cvx], bool], *, administered: bool = False) -> Callable[[Given], str]:
    """A rule about the row of the CVX, for all doses or only for those given here."""

    def value(given: Given) -> str:
        row = cdc.cvx(given.cvx)
        return given.cvx if row is not None and (given.administered or not administered) and holds(row) else ""

    return value


def _inactive_cvx(given: Given) -> str:
    row = cdc.cvx(given.cvx)
    if row is None or not given.administered or row.unspecified or row.kind is Kind.SPECIAL:
        return ""
    return given.cvx if inactive_at(row, given.on) and not _was_sold(row, given) else ""


def _was_sold(row: Cvx, given: Given) -> bool:
    """Whether CDC's table of packages has the dose's package of this vaccine on the market on that day."""
    package = cdc.ndc(given.ndc) if given.ndc else None
    if package is None or row.code not in package.cvx:
        return False
    return package.start <= given.on and (not package.end or given.on <= package.end)


def _unknown_cvx(given: Given) -> str:
    return given.cvx if given.cvx and cdc.cvx(given.cvx) is None and not cdc.is_newer_cvx(given.cvx) else ""


def _newer_cvx(given: Given) -> str:
    return _newer(given.cvx, "cvx") if cdc.is_newer_cvx(given.cvx) else ""


def _newer(code: str, table: str) -> str:
    """The value of a finding about a code that is newer than a table."""
    day = cdc.table_date(table)
    return f"{code}, newer than our table of {day[:4]}-{day[4:6]}-{day[6:]}"


def _is_new_product(given: Given) -> bool:
    """Whether the tables do not have the vaccine or the package, so that they may lack its manufacturer too."""
    return cdc.is_newer_cvx(given.cvx) or _unknown_ndc(given) != ""


def _unknown_mvx(given: Given) -> str:
    return given.mvx if given.mvx and cdc.mvx(given.mvx) is None and not _is_new_product(given) else ""


def _newer_mvx(given: Given) -> str:
    is_newer = given.mvx and cdc.mvx(given.mvx) is None and _is_new_product(given)
    return _newer(given.mvx, "mvx") if is_newer else ""


def _inactive_mvx(given: Given) -> str:
    row = cdc.mvx(given.mvx)
    return given.mvx if row is not None and given.administered and inactive_at(row, given.on) else ""


def _not_a_maker(given: Given) -> str:
    makers = cdc.makers(given.cvx)
    known = cdc.mvx(given.mvx)
    return f"{given.mvx} for {given.cvx}" if known is not None and makers and known.code not in makers else ""


def _unknown_ndc(given: Given) -> str:
    return _newer(given.ndc, "ndc") if given.ndc and cdc.ndc(given.ndc) is None else ""


def _ndc_of_another_vaccine(given: Given) -> str:
    package, vaccine = cdc.ndc(given.ndc), cdc.cvx(given.cvx)
    if package is None or vaccine is None or vaccine.code in package.cvx:
        return ""
    return f"{given.cvx}, but {package.code} is {' or '.join(package.cvx)}"


def _ndc_of_another_maker(given: Given) -> str:
    package, maker = cdc.ndc(given.ndc), cdc.mvx(given.mvx)
    if package is None or maker is None or not package.mvx or maker.code in package.mvx:
        return ""
    return f"{given.mvx}, but {package.code} is {' or '.join(package.mvx)}"


_CVX: Final = "RXA-5"
_MVX: Final = "RXA-17"
_MAP: Final = "Map the EHR's vaccine to the CVX of the product that was given."
_NEWER_TABLES: Final = "`vaxline codes update`."
_NO_CODES_OF_A_DOSE: Final = frozenset({"98", "99"})

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "CVX-UNKNOWN",
        _CVX,
        "The CVX code is not in CDC's table, and CDC has given out higher numbers, so it is no new code.",
        _MAP,
        _unknown_cvx,
    ),
    Rule(
        "CVX-NEWER",
        _CVX,
        "The CVX code is newer than our table of CDC's codes. It is sent, and the IIS decides.",
        f"Nothing, if the code is right; newer tables end the warning: {_NEWER_TABLES}",
        _newer_cvx,
    ),
    Rule(
        "CVX-RESERVED",
        _CVX,
        "CVX 98 (a skin test without a product) and 99 (reserved) are no codes of a dose.",
        _MAP,
        _of_cvx(lambda row: row.code in _NO_CODES_OF_A_DOSE),
    ),
    Rule(
        "CVX-NO-VACCINE",
        _CVX,
        "CVX 998 says that no vaccine was given, and this is a dose.",
        _MAP,
        _of_cvx(lambda row: row.code == cdc.NO_VACCINE),
    ),
    Rule(
        "CVX-UNKNOWN-VACCINE",
        _CVX,
        "CVX 999 says that the vaccine is not known.",
        "Find out the vaccine; for history take the unspecified formulation of its group.",
        lambda given: given.cvx if given.cvx == cdc.UNKNOWN_VACCINE and not given.administered else "",
    ),
    Rule(
        "CVX-UNKNOWN-VACCINE-GIVEN",
        _CVX,
        "CVX 999 says that the vaccine is not known, and the dose was given here.",
        _MAP,
        _of_cvx(lambda row: row.code == cdc.UNKNOWN_VACCINE, administered=True),
    ),
    Rule(
        "CVX-NEVER-ACTIVE",
        _CVX,
        "The CVX belongs to a vaccine that was never on the market.",
        _MAP,
        _of_cvx(lambda row: row.status is Status.NEVER_ACTIVE),
    ),
    Rule(
        "CVX-PENDING",
        _CVX,
        "The CVX belongs to a vaccine that is not on the market yet.",
        _MAP,
        _of_cvx(lambda row: row.status is Status.PENDING, administered=True),
    ),
    Rule(
        "CVX-NON-US",
        _CVX,
        "The CVX belongs to a vaccine that is not given in the US.",
        "If the dose was given abroad, record it as history; else map the product that was given.",
        _of_cvx(lambda row: row.status is Status.NON_US, administered=True),
    ),
    Rule(
        "CVX-UNSPECIFIED",
        _CVX,
        "The CVX names no formulation, and the dose was given here.",
        _MAP,
        _of_cvx(lambda row: row.unspecified, administered=True),
    ),
    Rule(
        "CVX-INACTIVE",
        _CVX,
        "The CVX was inactive on the day of the dose.",
        "Look whether the date is right; else map the vaccine to the CVX that followed.",
        _inactive_cvx,
    ),
    Rule(
        "MVX-UNKNOWN",
        _MVX,
        "The MVX code is not in CDC's table.",
        "Map the EHR's manufacturer to its MVX code.",
        _unknown_mvx,
    ),
    Rule(
        "MVX-NEWER",
        _MVX,
        "The MVX code is not in our table, and the product is newer than our tables. It is sent, and the IIS decides.",
        f"Nothing, if the code is right; newer tables end the warning: {_NEWER_TABLES}",
        _newer_mvx,
    ),
    Rule(
        "MVX-INACTIVE",
        _MVX,
        "The manufacturer was inactive on the day of the dose.",
        "Map the manufacturer to the one that took over the product.",
        _inactive_mvx,
    ),
    Rule(
        "MVX-NOT-A-MAKER",
        _MVX,
        "CDC lists no product of this manufacturer under this CVX.",
        "Look at the package: vaccine or manufacturer is wrong in the EHR or in the code map.",
        _not_a_maker,
    ),
    Rule(
        "NDC-UNKNOWN",
        _CVX,
        "The NDC is not in our tables of CDC's packages; it may be newer than they are.",
        f"Compare it with the package; newer tables have new packages: {_NEWER_TABLES}",
        _unknown_ndc,
    ),
    Rule(
        "NDC-NOT-THE-CVX",
        _CVX,
        "The NDC is a package of another vaccine than the CVX.",
        "Look at the package: one of the two codes is wrong in the EHR or in the code map.",
        _ndc_of_another_vaccine,
    ),
    Rule(
        "NDC-NOT-THE-MVX",
        _MVX,
        "The NDC is a package of another manufacturer than the MVX.",
        "Look at the package: one of the two codes is wrong in the EHR or in the code map.",
        _ndc_of_another_maker,
    ),
)
