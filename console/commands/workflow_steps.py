"""The steps of the workflow test, and CT WiZ's three phases as they show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.hl7.rsp_model import Match
from shared.domain.readiness import Phase

CONNECTION_ANSWERED: Final = "answered"
FOUND_WITH_FORECAST: Final = "FOUND with a forecast"
EXPORT_ACCEPTED: Final = "every row accepted"
MIN_RECORDS: Final = 25
"""CT WiZ asks for queries for 25 to 50 reported records."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step, without PHI.

    Attributes:
        about: `connectivityTest`, an export's number, the MSH-10 of a submission, or the name of a scenario.
        expected: the expected result.
        got: the result.
        query: MSH-10 of the query, where the step is one.
        when: time of the query.
    """

    about: str
    expected: str
    got: str
    query: str = ""
    when: str = ""

    @property
    def passed(self) -> bool:
        return self.got == self.expected

    @property
    def is_answered(self) -> bool:
        """Whether a readable answer came, whatever it says."""
        return self.got == FOUND_WITH_FORECAST or self.got in set(Match) - {Match.UNREADABLE}

    @property
    def result(self) -> str:
        return "passed" if self.passed else "FAILED"


def phases_of(steps: Sequence[Step], records: int) -> tuple[Phase, ...]:
    """Judge CT WiZ's three phases by the steps of one run.

    Args:
        steps: all steps; the first is the connectivityTest.
        records: how many reported records were to be queried.
    """
    connection, *others = steps
    exports = [step for step in others if step.expected == EXPORT_ACCEPTED]
    queries = [step for step in others if step.expected != EXPORT_ACCEPTED]
    answered = [step for step in queries if step.is_answered]
    found = sum(step.passed for step in queries if step.expected == FOUND_WITH_FORECAST)
    scenarios = [step for step in queries if step.expected != FOUND_WITH_FORECAST]
    scenarios_passed = sum(step.passed for step in scenarios)
    return (
        Phase(
            "1: credentials",
            "the service URL answers connectivityTest, and the credentials are accepted",
            connection.passed and bool(answered),
            f"connectivityTest: {connection.got}; {len(answered)} queries answered",
        ),
        Phase(
            "2: configuration",
            "queries are built and answered as agreed",
            bool(queries) and len(answered) == len(queries),
            f"{len(answered)} of {len(queries)} queries got a readable answer",
        ),
        Phase(
            "3: workflow",
            f"{MIN_RECORDS} to 50 reported records each found with a forecast, and CT's scenarios",
            found >= max(records, MIN_RECORDS)
            and bool(scenarios)
            and scenarios_passed == len(scenarios)
            and all(step.passed for step in exports),
            f"{found} records found with a forecast; {scenarios_passed} of {len(scenarios)} scenarios as expected"
            + "".join(f"; {step.about}: {step.got}" for step in exports),
        ),
    )
