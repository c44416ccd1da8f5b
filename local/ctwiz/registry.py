"""A registry in memory that does with messages what CT WiZ does: it authenticates, checks, stores and answers.

It is modeled on answers of real WebIZ systems: the header `WebIZ.<version>|CT0000`, profile Z23, MSA-1 = AE as the
normal case of a stored message, the place in ERR-2 and the specific code in ERR-5.4, "Not processing order group" where
a vaccination was dropped, and ZSA with log ids where the application failed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from local.ctwiz import queries, rules
from local.ctwiz.messages import Message, Order, parse_message
from local.ctwiz.rules import Problem
from local.ctwiz.stored import StoredPatient, stored_patient
from shared.domain.hl7 import er7

OWN_FACILITY: Final = "CT0000"
APPLICATION: Final = "WebIZ.0.0.simulator"
AUTHENTICATION_WORDS: Final = (
    "Authentication Error Occurred. Inspect the HL7 Response message for more details.\nOriginal HL7 Response\n"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a message: the HL7 answer, whether anything was stored, and whether to send it inside a fault."""

    answer: str
    stored: bool = False
    as_fault: bool = False


@dataclass(slots=True)
class Patient:
    """One patient of one assigning authority: the last PID, and the order groups by `Order.key`."""

    pid: str
    doses: dict[str, str] = field(default_factory=dict)
    is_protected: bool = False


class WebIz:
    """The registry. It is safe for threads.

    Args:
        facilities: facility codes that may send (MSH-4).
        clinic_codes: further codes allowed in MSH-4 and RXA-11.4; where none are given, RXA-11.4 is not checked.
        inactive: facility codes that are suspended.
        today: returns the current day, by which dates in the future are found.
    """

    def __init__(
        self,
        *,
        facilities: Collection[str],
        clinic_codes: Collection[str] = (),
        inactive: Collection[str] = (),
        today: Callable[[], date] = date.today,
    ) -> None:
        self._senders = frozenset(facilities) | frozenset(clinic_codes)
        self._clinics = self._senders if clinic_codes else frozenset[str]()
        self._inactive = frozenset(inactive)
        self._today = today
        self._lock = threading.Lock()
        self._numbers = 0
        self.accepted: dict[str, str] = {}
        self.patients: dict[tuple[str, str], Patient] = {}

    def admit(self, facilities: Collection[str], clinic_codes: Collection[str]) -> None:
        """Add facility codes."""
        self._senders |= frozenset(facilities) | frozenset(clinic_codes)
        if clinic_codes:
            self._clinics |= self._senders

    def receive(self, text: str) -> Outcome:
        """Check, store and answer one message."""
        message = parse_message(text)
        if message is None:
            return Outcome(self._answer(None, "AR", (rules.UNREADABLE,)))
        refused = self._authenticate(message)
        if refused:
            return Outcome(self._answer(message, "AE", refused), as_fault=True)
        if message.msh.value(9) == "QBP":
            return Outcome(self._respond(message, text))
        wrong = tuple(rules.header_problems(message))
        if wrong:
            return Outcome(self._answer(message, "AR", wrong))
        context = rules.Context(self._today().strftime("%Y%m%d"), self._clinics)
        problems = list(rules.patient_problems(message, context))
        if any(problem.severity == "E" for problem in problems):
            return Outcome(self._answer(message, "AE", tuple(problems)))
        with self._lock:
            orders, order_problems = self._store(message, context)
            is_stored = bool(orders) or not message.orders
            if is_stored:
                self.accepted[message.control_id] = text
        problems += order_problems
        return Outcome(self._answer(message, "AE" if problems else "AA", tuple(problems)), is_stored)

    def application_failure(self, text: str) -> str:
        """Return the answer of a WebIZ whose application failed: nothing is stored, and ZSA has log ids."""
        message = parse_message(text)
        number = self._next_number()
        logs = (("HL7LogIdIncomming", 1_000 + number), ("WebServiceLogIdIncomming", 700_000 + number))
        ids = "~".join(f"{log_id}^^^{OWN_FACILITY}^{name}" for name, log_id in logs)
        zsa = f"ZSA|AF^Application Fail - Message Failed to Execute^ENV0008|{ids}"
        return self._answer(message, "AE", (rules.APPLICATION_FAILURE,)) + zsa + er7.SEGMENT_END

    def authentication_failure(self, text: str) -> str:
        """Return the HL7 that WebIZ puts into a fault where it refuses the facility."""
        return self._answer(parse_message(text), "AE", (rules.WRONG_FACILITY,))

    def history(self, patient_id: str) -> dict[str, str]:
        """Return the stored doses of a patient (PID-3.1) at all facilities: ORC-3 → the segments of the order group."""
        with self._lock:
            return {
                key: group
                for (_, identifier), patient in self.patients.items()
                if identifier == patient_id
                for key, group in patient.doses.items()
            }

    def stored(self) -> tuple[StoredPatient, ...]:
        """Return every patient with a dose, by facility and record number. Deleted doses are not included."""
        with self._lock:
            return tuple(
                stored_patient(facility, number, patient.pid, patient.doses.values())
                for (facility, number), patient in sorted(self.patients.items())
                if patient.doses
            )

    def _authenticate(self, message: Message) -> tuple[Problem, ...]:
        sender = message.msh.value(4)
        if message.msh.value(6) != OWN_FACILITY or sender not in self._senders:
            return (rules.WRONG_FACILITY,)
        return (rules.INACTIVE_FACILITY,) if sender in self._inactive else ()

    def _store(self, message: Message, context: rules.Context) -> tuple[list[Order], list[Problem]]:
        # CT WiZ finds a patient by PID-3.1 and PID-3.4; vaxline puts the sending facility into PID-3.4.
        key = (message.pid.value(3, 4) or message.msh.value(4), message.pid.value(3))
        patient = self.patients.setdefault(key, Patient(message.pid.text))
        patient.pid = message.pid.text
        patient.is_protected = message.pd1.value(12) == "Y"
        stored: list[Order] = []
        problems: list[Problem] = []
        for order in message.orders:
            order_problems = list(self._apply(order, patient, message, context))
            problems += order_problems
            if all(problem.severity != "E" for problem in order_problems):
                stored.append(order)
        return stored, problems

    def _apply(self, order: Order, patient: Patient, message: Message, context: rules.Context) -> Iterator[Problem]:
        """Add, update or delete one order group by `Order.key`; yield what is wrong with it."""
        problems = list(rules.order_problems(order, message, context))
        yield from problems
        if any(problem.severity == "E" for problem in problems):
            return
        if not order.is_deletion:
            patient.doses[order.key] = order.text
        elif patient.doses.pop(order.key, None) is None:
            yield rules.no_such_dose(order)

    def _respond(self, message: Message, text: str) -> str:
        """Return the answer to a query: a history, candidates, or nobody."""
        query = queries.parse_query(text)
        if query is None:
            return self._answer(message, "AR", (rules.UNREADABLE,))
        with self._lock:
            people = queries.merge_people(
                (facility, number, patient.pid, patient.is_protected, list(patient.doses.values()))
                for (facility, number), patient in self.patients.items()
            )
        profile, status, segments = queries.answer_query(query, people, self._today())
        warnings = list(queries.query_warnings(query))
        return "".join(
            segment + er7.SEGMENT_END
            for segment in (
                self._header(message, "RSP^K11^RSP_K11", profile),
                f"MSA|{'AE' if warnings else 'AA'}|{er7.encode(message.control_id)}",
                *warnings,
                f"QAK|{er7.encode(query.tag)}|{status}|{query.qpd.fields[1]}",
                query.qpd.text,
                *segments,
            )
        )

    def _header(self, message: Message | None, kind: str, profile: str) -> str:
        now = datetime.now().astimezone()
        header = message.msh.fields if message is not None else []
        facility = header[3] if len(header) > 3 else ""
        processing = header[10] if len(header) > 10 else "P"
        own_id = f"{OWN_FACILITY}{now:%Y%m%d}{self._next_number():06d}"
        route = f"{APPLICATION}|{OWN_FACILITY}||{facility}|{now:%Y%m%d%H%M%S%z}"
        return f"MSH|^~\\&|{route}||{kind}|{own_id}|{processing}|2.5.1|||NE|NE|||||{profile}^CDCPHINVS"

    def _answer(self, message: Message | None, code: str, problems: tuple[Problem, ...]) -> str:
        control_id = er7.encode(message.control_id) if message is not None else ""
        segments = [
            self._header(message, "ACK^V04^ACK", "Z23"),
            f"MSA|{code}|{control_id}",
            *(problem.segment for problem in problems),
        ]
        return "".join(segment + er7.SEGMENT_END for segment in segments)

    def _next_number(self) -> int:
        with self._lock:
            self._numbers += 1
            return self._numbers
