"""What the simulated CT WiZ finds wrong with a VXU: one table of rules, and errors in WebIZ's layout.

Of the codes only WEBIZ-501, WEBIZ-AUTH-609 and WEBIZ-AUTH-625 are known from real answers; the other numbers are the
simulator's own. A rule of severity E drops its order group (or the message, where it speaks of the patient), W is a
warning about something stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from local.ctwiz.messages import Message, Order, Segment
from shared.domain.hl7 import er7


@dataclass(frozen=True, slots=True)
class Context:
    """The day (YYYYMMDD), and the codes allowed in RXA-11.4 (empty: any)."""

    today: str
    clinics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Problem:
    severity: str
    segment: str


# Errors in WebIZ's layout ---------------------------------------------------------------------------------------------

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
    """An ERR segment: `place` is ERR-2 as it stands, `reason` the number of table 0533 and the user's text."""
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
    for position, component, wanted, error, text in _HEADER_RULES:
        if message.msh.value(position, component) != wanted:
            yield _err("E", f"MSH^1^{position}^1^{component}", "WEBIZ-701", (4, f"{text}. Message rejected"), error)


def no_such_dose(order: Order) -> Problem:
    orc = order.first("ORC")
    text = f"No vaccination with this ORC-3 to delete. {NOT_PROCESSING} {order.number}"
    return _err("E", f"ORC^{orc.number}^3^1^1", "WEBIZ-730", (5, text))


# The rules ------------------------------------------------------------------------------------------------------------


NO_ORDER: Final = Order(0, ())


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at: the message, and one order group of it (none for the rules about the patient)."""

    message: Message
    context: Context
    order: Order = NO_ORDER

    def segment(self, name: str) -> Segment:
        head = {"MSH": self.message.msh, "PID": self.message.pid}
        return head.get(name) or self.order.first(name)

    def value(self, place: str) -> str:
        """The value at a place such as `RXA-5.1`; empty for a segment as a whole."""
        name, _, path = place.partition("-")
        position, _, component = path.partition(".")
        return self.segment(name).value(int(position), int(component or 1)) if position else ""

    def day(self, place: str) -> str:
        return self.value(place)[:8]


@dataclass(frozen=True, slots=True)
class Rule:
    """`place` is what it speaks of (`RXA-5.1`, or a segment as a whole), `national` the number of table 0533."""

    severity: str
    place: str
    code: str
    national: int
    text: str
    is_wrong: Callable[[Subject], bool]


_SEXES: Final = frozenset({"M", "F", "U", "X"})
_PLACEHOLDERS: Final = frozenset({"BABY BOY", "BABY GIRL", "BABYBOY", "BABYGIRL", "NEWBORN"})
_COMPLETIONS: Final = frozenset({"", "CP", "PA", "RE", "NA"})
_ELIGIBILITIES: Final = frozenset({"", "V00", "V01", "V02", "V03", "V04", "V05", "V22", "V23", "V24", "V25"})
_SITES: Final = frozenset(
    {"", "LA", "RA", "LT", "RT", "LG", "RG", "LD", "RD", "LVL", "RVL", "LLFA", "RLFA", "LVG", "RVG"}
)
_ROUTE: Final = re.compile(r"C\d{4,6}")
_NDC: Final = re.compile(r"[\d-]{9,13}")
_MANUFACTURER: Final = re.compile(r"(?!ZZ|XX)[A-Z]{2,3}")
_ZIP: Final = re.compile(r"(\d{5}(-?\d{4})?)?")
HIGHEST_CVX: Final = 340


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
    return code.isdigit() and (1 <= int(code) <= HIGHEST_CVX or code == "998")


_TOO_LONG: Final = "Internal Parser Error: Field too long: {length} > "

PATIENT_RULES: Final[tuple[Rule, ...]] = (
    Rule("E", "PID-3.1", "WEBIZ-710", 7, "Patient identifier is required", lambda x: not x.value("PID-3.1")),
    Rule(
        "E",
        "PID-5.1",
        "WEBIZ-711",
        7,
        "Patient name is required",
        lambda x: not x.value("PID-5.1") or not x.value("PID-5.2"),
    ),
    Rule("E", "PID-7.1", "WEBIZ-712", 2, "Invalid birth date", lambda x: not _is_day(x.value("PID-7"))),
    Rule("E", "PID-7.1", "WEBIZ-713", 1, "Birth date in the future", lambda x: x.day("PID-7") > x.context.today),
    Rule(
        "E",
        "PID-5.2",
        "WEBIZ-714",
        3,
        "Patient name is a placeholder",
        lambda x: x.value("PID-5.2").upper() in _PLACEHOLDERS,
    ),
    Rule("W", "PID-8.1", "WEBIZ-715", 5, "Sex not recognized", lambda x: x.value("PID-8") not in _SEXES),
    Rule(
        "W",
        "PID-11.5",
        "WEBIZ-716",
        4,
        "Invalid zip code",
        lambda x: x.value("PID-11.6") in ("", "USA") and _ZIP.fullmatch(x.value("PID-11.5")) is None,
    ),
    Rule("W", "PID-3.1", "WEBIZ-501", 3, _TOO_LONG + "15", lambda x: len(x.value("PID-3.1")) > 15),
    Rule("W", "MSH-10.1", "WEBIZ-501", 3, _TOO_LONG + "20", lambda x: len(x.value("MSH-10")) > 20),
)

ORDER_RULES: Final[tuple[Rule, ...]] = (
    Rule("E", "ORC-3.1", "WEBIZ-720", 7, "ORC-3 is required", lambda x: not x.value("ORC-3.1")),
    Rule("E", "RXA-3.1", "WEBIZ-721", 2, "Invalid vaccination date", lambda x: not _is_day(x.value("RXA-3"))),
    Rule(
        "E",
        "RXA-3.1",
        "WEBIZ-722",
        1,
        "Vaccination date is before the birth date",
        lambda x: x.day("RXA-3") < x.day("PID-7"),
    ),
    Rule(
        "E",
        "RXA-3.1",
        "WEBIZ-723",
        1,
        "Vaccination date is in the future",
        lambda x: x.day("RXA-3") > x.context.today,
    ),
    Rule("E", "RXA-5.1", "WEBIZ-724", 5, "Vaccine code not recognized", lambda x: not _knows_vaccine(x)),
    Rule(
        "E",
        "RXA-20.1",
        "WEBIZ-725",
        5,
        "Completion status not recognized",
        lambda x: x.value("RXA-20") not in _COMPLETIONS,
    ),
    Rule(
        "E",
        "RXA-18.1",
        "WEBIZ-726",
        7,
        "Refusal reason is required",
        lambda x: x.value("RXA-20") == "RE" and not x.value("RXA-18.1"),
    ),
    Rule(
        "E",
        "RXA-15.1",
        "WEBIZ-727",
        7,
        "Lot number is required",
        lambda x: x.order.is_given_here and not x.value("RXA-15"),
    ),
    Rule(
        "E",
        "RXA-17.1",
        "WEBIZ-728",
        5,
        "Manufacturer not recognized",
        lambda x: (
            (x.order.is_given_here or x.value("RXA-17.1") != "") and not _MANUFACTURER.fullmatch(x.value("RXA-17.1"))
        ),
    ),
    Rule(
        "E",
        "RXA-11.4",
        "WEBIZ-729",
        5,
        "Administering facility code not found",
        lambda x: x.order.is_given_here and bool(x.context.clinics) and x.value("RXA-11.4") not in x.context.clinics,
    ),
    Rule("W", "ORC-3.1", "WEBIZ-501", 3, _TOO_LONG + "20", lambda x: len(x.value("ORC-3.1")) > 20),
    Rule(
        "W",
        "RXA",
        "WEBIZ-740",
        6,
        "Funding eligibility (64994-7) is missing",
        lambda x: x.order.is_given_here and not x.order.observation("64994-7"),
    ),
    Rule(
        "W",
        "RXA",
        "WEBIZ-741",
        5,
        "Funding eligibility (64994-7) not recognized",
        lambda x: x.order.observation("64994-7") not in _ELIGIBILITIES,
    ),
    Rule(
        "W",
        "RXA",
        "WEBIZ-742",
        6,
        "Funding source (30963-3) is missing",
        lambda x: x.order.is_given_here and not x.order.observation("30963-3"),
    ),
    Rule(
        "W",
        "RXA-16.1",
        "WEBIZ-743",
        1,
        "Vaccine had expired when it was given",
        # An expiry may stop at the month.
        lambda x: x.order.is_given_here and x.day("RXA-16") < x.value("RXA-3")[: len(x.day("RXA-16"))],
    ),
    Rule(
        "W",
        "RXR-1.1",
        "WEBIZ-744",
        5,
        "Route not recognized",
        lambda x: x.value("RXR-1.1") != "" and not _ROUTE.fullmatch(x.value("RXR-1.1")),
    ),
    Rule("W", "RXR-2.1", "WEBIZ-745", 5, "Site not recognized", lambda x: x.value("RXR-2.1") not in _SITES),
)


def patient_problems(message: Message, context: Context) -> Iterator[Problem]:
    subject = Subject(message, context)
    for rule in PATIENT_RULES:
        if rule.is_wrong(subject):
            yield _problem(rule, subject, "Message rejected")


def order_problems(order: Order, message: Message, context: Context) -> Iterator[Problem]:
    subject = Subject(message, context, order)
    for rule in ORDER_RULES:
        if rule.is_wrong(subject):
            yield _problem(rule, subject, f"{NOT_PROCESSING} {order.number}")


def _problem(rule: Rule, subject: Subject, consequence: str) -> Problem:
    name, _, path = rule.place.partition("-")
    position, _, component = path.partition(".")
    place = f"{name}^{max(subject.segment(name).number, 1)}" + (f"^{position}^1^{component}" if position else "")
    text = rule.text.format(length=len(subject.value(rule.place)))
    if rule.severity == "E":
        text = f"{text}. {consequence}"
    return _err(rule.severity, place, rule.code, (rule.national, text))
