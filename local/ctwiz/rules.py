"""The rules by which the simulated CT WiZ checks a VXU, and its errors in WebIZ's layout.

WEBIZ-501, WEBIZ-AUTH-609 and WEBIZ-AUTH-625 are known from real answers; the other codes are the simulator's own. A
rule of severity E drops its order group, or the whole message where it is about the patient. W is a warning about
something that is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from local.ctwiz.messages import Message, Order, Segment
from shared.domain.codes import cdc
from shared.domain.hl7 import er7


@dataclass(frozen=True, slots=True)
class Context:
    """The current day (YYYYMMDD), and the codes allowed in RXA-11.4 (empty: any)."""

    today: str
    clinics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or warning as an ERR segment."""

    severity: str
    segment: str


# errors in WebIZ's layout ---------------------------------------------------------------------------------------------

NATIONAL: Final[dict[int, str]] = {
    1: "Illogical Date error",
    2: "Invalid Date",
    3: "Illogical Value error",
    4: "Invalid value",
    5: "Table value not found",
    6: "Required observation missing",
    7: "Required data missing",
}
APPLICATION_ERROR: Final = "999^ApplicationError^HL70357"
NOT_PROCESSING: Final = "Not processing order group"


def _err(severity: str, place: str, code: str, reason: tuple[int, str], error: str = APPLICATION_ERROR) -> Problem:
    """Return an ERR segment.

    Args:
        severity: ERR-4.
        place: ERR-2.
        code: the code of WebIZ in ERR-5.4.
        reason: the code of HL7 table 0533, and the text for the user (ERR-8).
        error: ERR-3.
    """
    national, text = reason
    parts = place.partition("~")[0].split("^")
    numeric = f"{parts[0]}[{parts[1]}]" + (f".{parts[2]}[{parts[3]}].{parts[4]}" if len(parts) > 2 else "")
    return Problem(
        severity,
        f"ERR||{place}|{error}|{severity}|{national}^{NATIONAL[national]}^HL70533^{code}^Rule of the simulator^L||"
        f"NumericPath: {numeric}, NamePath: , RuleId: , ApplicationErrorCode: {code}|{er7.encode(text)}",
    )


UNREADABLE: Final = Problem("E", "ERR|||100^Segment sequence error^HL70357|E||||Message cannot be parsed")
APPLICATION_FAILURE: Final = Problem(
    "E", "ERR|||207^Application internal error^HL70357|E||||Application internal error"
)
WRONG_FACILITY: Final = _err(
    "E",
    "MSH^1^6^1^1~MSH^1^4^1^1",
    "WEBIZ-AUTH-609",
    (4, "Invalid Receiving Facility for Incoming Message"),
)
INACTIVE_FACILITY: Final = _err("E", "MSH^1^4^1^1", "WEBIZ-AUTH-625", (4, "Facility is inactive or suspended"))

_HEADER_RULES: Final[tuple[tuple[int, int, str, str, str], ...]] = (
    (9, 1, "VXU", "200^Unsupported message type^HL70357", "Unsupported message type"),
    (9, 2, "V04", "201^Unsupported event code^HL70357", "Unsupported event code"),
    (12, 1, "2.5.1", "203^Unsupported version id^HL70357", "Unsupported version"),
)


def header_problems(message: Message) -> Iterator[Problem]:
    """Yield what is wrong with MSH."""
    for position, component, wanted, error, text in _HEADER_RULES:
        if message.msh.value(position, component) != wanted:
            yield _err("E", f"MSH^1^{position}^1^{component}", "WEBIZ-701", (4, f"{text}. Message rejected"), error)


def no_such_dose(order: Order) -> Problem:
    """Return the error for the deletion of a dose that is not stored."""
    orc = order.first("ORC")
    text = f"No vaccination with this ORC-3 to delete. {NOT_PROCESSING} {order.number}"
    return _err("E", f"ORC^{orc.number}^3^1^1", "WEBIZ-730", (5, text))


# the rules ------------------------------------------------------------------------------------------------------------


NO_ORDER: Final = Order(0, ())


@dataclass(frozen=True, slots=True)
class Subject:
    """The input of a rule: a message, and one of its order groups (none for the rules about the patient)."""

    message: Message
    context: Context
    order: Order = NO_ORDER

    def segment(self, name: str) -> Segment:
        head = {"MSH": self.message.msh, "PID": self.message.pid}
        return head.get(name) or self.order.first(name)

    def value(self, place: str) -> str:
        """Return the value at a place such as `RXA-5.1`; empty for a whole segment."""
        name, _, path = place.partition("-")
        position, _, component = path.partition(".")
        return self.segment(name).value(int(position), int(component or 1)) if position else ""

    def day(self, place: str) -> str:
        return self.value(place)[:8]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        severity: `E` or `W`.
        place: what it is about, such as `RXA-5.1`, or a segment.
        code: the code of WebIZ.
        national: the code of HL7 table 0533.
        text: the text for the user; `{length}` stands for the length of the value.
        is_wrong: whether the rule is broken.
        of_deletions: whether a deletion is checked by it. Few are, because CT WiZ finds the dose by ORC-3.
    """

    severity: str
    place: str
    code: str
    national: int
    text: str
    is_wrong: Callable[[Subject], bool]
    of_deletions: bool = False


_SEXES: Final = frozenset({"M", "F", "U", "X"})
# vaxline holds most of them itself. INFANT it sends, because it may be a name, so a refusal can be shown.
_PLACEHOLDERS: Final = frozenset({"BABY BOY", "BABY GIRL", "BABYBOY", "BABYGIRL", "NEWBORN", "INFANT"})
_COMPLETIONS: Final = frozenset({"", "CP", "PA", "RE", "NA"})
_ELIGIBILITIES: Final = frozenset({"", "V00", "V01", "V02", "V03", "V04", "V05", "V22", "V23", "V24", "V25"})
_SITES: Final = frozenset(
    {"", "LA", "RA", "LT", "RT", "LG", "RG", "LD", "RD", "LVL", "RVL", "LLFA", "RLFA", "LVG", "RVG"}
)
_ROUTE: Final = re.compile(r"C\d{4,6}")
_NDC: Final = re.compile(r"[\d-]{9,13}")
_MANUFACTURER: Final = re.compile(r"(?!ZZ|XX)[A-Z]{2,3}")
_ZIP: Final = re.compile(r"(\d{5}(-?\d{4})?)?")
# 98 names no test in particular, and CDC has reserved 99.
_NO_CVX: Final = frozenset({"98", "99"})
_CVX: Final = re.compile(r"\d{1,3}")


def _is_day(text: str) -> bool:
    try:
        datetime.strptime(text[:8], "%Y%m%d")  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return False
    return True


def _knows_vaccine(subject: Subject) -> bool:
    code = subject.value("RXA-5.1")
    if subject.value("RXA-5.3") == "NDC":
        return _NDC.fullmatch(code) is not None
    if not (code.isascii() and _CVX.fullmatch(code)) or code in _NO_CVX:
        return False
    # CDC may have added a newer code since the table was made: an IIS knows it on the day.
    return cdc.cvx(code) is not None or cdc.is_newer_cvx(code)


_TOO_LONG: Final = "Internal Parser Error: Field too long: {length} > "

PATIENT_RULES: Final[tuple[Rule, ...]] = (
    Rule("E", "PID-3.1", "WEBIZ-710", 7, "Patient identifier is required", lambda it: not it.value("PID-3.1")),
    Rule(
        "E",
        "PID-5.1",
        "WEBIZ-711",
        7,
        "Patient name is required",
        lambda it: not it.value("PID-5.1") or not it.value("PID-5.2"),
    ),
    Rule("E", "PID-7.1", "WEBIZ-712", 2, "Invalid birth date", lambda it: not _is_day(it.value("PID-7"))),
    Rule("E", "PID-7.1", "WEBIZ-713", 1, "Birth date in the future", lambda it: it.day("PID-7") > it.context.today),
    Rule(
        "E",
        "PID-5.2",
        "WEBIZ-714",
        3,
        "Patient name is a placeholder",
        lambda it: it.value("PID-5.2").upper() in _PLACEHOLDERS,
    ),
    Rule("W", "PID-8.1", "WEBIZ-715", 5, "Sex not recognized", lambda it: it.value("PID-8") not in _SEXES),
    Rule(
        "W",
        "PID-11.5",
        "WEBIZ-716",
        4,
        "Invalid zip code",
        lambda it: it.value("PID-11.6") in ("", "USA") and _ZIP.fullmatch(it.value("PID-11.5")) is None,
    ),
    Rule("W", "PID-3.1", "WEBIZ-501", 3, _TOO_LONG + "15", lambda it: len(it.value("PID-3.1")) > 15),
    Rule("W", "MSH-10.1", "WEBIZ-501", 3, _TOO_LONG + "20", lambda it: len(it.value("MSH-10")) > 20),
)

ORDER_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "E",
        "ORC-3.1",
        "WEBIZ-720",
        7,
        "ORC-3 is required",
        lambda it: not it.value("ORC-3.1"),
        of_deletions=True,
    ),
    Rule(
        "E",
        "RXA-3.1",
        "WEBIZ-721",
        2,
        "Invalid vaccination date",
        lambda it: not _is_day(it.value("RXA-3")),
        of_deletions=True,
    ),
    Rule(
        "E",
        "RXA-3.1",
        "WEBIZ-722",
        1,
        "Vaccination date is before the birth date",
        lambda it: it.day("RXA-3") < it.day("PID-7"),
    ),
    Rule(
        "E",
        "RXA-3.1",
        "WEBIZ-723",
        1,
        "Vaccination date is in the future",
        lambda it: it.day("RXA-3") > it.context.today,
    ),
    Rule(
        "E",
        "RXA-5.1",
        "WEBIZ-724",
        5,
        "Vaccine code not recognized",
        lambda it: not _knows_vaccine(it),
        of_deletions=True,
    ),
    Rule(
        "E",
        "RXA-20.1",
        "WEBIZ-725",
        5,
        "Completion status not recognized",
        lambda it: it.value("RXA-20") not in _COMPLETIONS,
    ),
    Rule(
        "E",
        "RXA-18.1",
        "WEBIZ-726",
        7,
        "Refusal reason is required",
        lambda it: it.value("RXA-20") == "RE" and not it.value("RXA-18.1"),
    ),
    Rule(
        "E",
        "RXA-15.1",
        "WEBIZ-727",
        7,
        "Lot number is required",
        lambda it: it.order.is_given_here and not it.value("RXA-15"),
    ),
    Rule(
        "E",
        "RXA-17.1",
        "WEBIZ-728",
        5,
        "Manufacturer not recognized",
        lambda it: (
            (it.order.is_given_here or it.value("RXA-17.1") != "") and not _MANUFACTURER.fullmatch(it.value("RXA-17.1"))
        ),
    ),
    Rule(
        "E",
        "RXA-11.4",
        "WEBIZ-729",
        5,
        "Administering facility code not found",
        lambda it: (
            it.order.is_given_here and bool(it.context.clinics) and it.value("RXA-11.4") not in it.context.clinics
        ),
    ),
    Rule("W", "ORC-3.1", "WEBIZ-501", 3, _TOO_LONG + "20", lambda it: len(it.value("ORC-3.1")) > 20),
    Rule(
        "W",
        "RXA",
        "WEBIZ-740",
        6,
        "Funding eligibility (64994-7) is missing",
        lambda it: it.order.is_given_here and not it.order.observation("64994-7"),
    ),
    Rule(
        "W",
        "RXA",
        "WEBIZ-741",
        5,
        "Funding eligibility (64994-7) not recognized",
        lambda it: it.order.observation("64994-7") not in _ELIGIBILITIES,
    ),
    Rule(
        "W",
        "RXA",
        "WEBIZ-742",
        6,
        "Funding source (30963-3) is missing",
        lambda it: it.order.is_given_here and not it.order.observation("30963-3"),
    ),
    Rule(
        "W",
        "RXA-16.1",
        "WEBIZ-743",
        1,
        "Vaccine had expired when it was given",
        # An expiry may have no day.
        lambda it: it.order.is_given_here and it.day("RXA-16") < it.value("RXA-3")[: len(it.day("RXA-16"))],
    ),
    Rule(
        "W",
        "RXR-1.1",
        "WEBIZ-744",
        5,
        "Route not recognized",
        lambda it: it.value("RXR-1.1") != "" and not _ROUTE.fullmatch(it.value("RXR-1.1")),
    ),
    Rule("W", "RXR-2.1", "WEBIZ-745", 5, "Site not recognized", lambda it: it.value("RXR-2.1") not in _SITES),
)


def patient_problems(message: Message, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the patient, or with the message as a whole."""
    subject = Subject(message, context)
    for rule in PATIENT_RULES:
        if rule.is_wrong(subject):
            yield _problem(rule, subject, "Message rejected")


def order_problems(order: Order, message: Message, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with an order group."""
    subject = Subject(message, context, order)
    for rule in ORDER_RULES:
        if (rule.of_deletions or not order.is_deletion) and rule.is_wrong(subject):
            yield _problem(rule, subject, f"{NOT_PROCESSING} {order.number}")


def _problem(rule: Rule, subject: Subject, consequence: str) -> Problem:
    name, _, path = rule.place.partition("-")
    position, _, component = path.partition(".")
    place = f"{name}^{max(subject.segment(name).number, 1)}" + (f"^{position}^1^{component}" if position else "")
    text = rule.text.format(length=len(subject.value(rule.place)))
    if rule.severity == "E":
        text = f"{text}. {consequence}"
    return _err(rule.severity, place, rule.code, (rule.national, text))
