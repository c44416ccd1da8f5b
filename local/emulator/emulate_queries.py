"""Queries on the emulated stage with an operator's permissions: one by `query`, and a file by `query_files`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from shared import settings
from shared.bootstrap import Application
from shared.domain.hl7.qbp import Request
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import STORED_BY_IIS
from shared.domain.submission import Submission
from shared.settings import FunctionSettings
from shared.usecases.registry.query import COLUMNS, columns_of

_FILE_NAME: Final = "drill.csv"
_UNKNOWN_PATIENT: Final = {"last_name": "Sampleton", "first_name": "Nobody", "birth_date": "19900506", "sex": "F"}


def check_queries(
    application: Application, invoke: Callable[[FunctionSettings], list[str]], say: Callable[[str], None]
) -> list[str]:
    """Query for a reported patient, then for the same and an unknown one by file.

    Args:
        application: the operator's application.
        invoke: invokes a function and returns its errors.
        say: prints a line.

    Returns:
        What was wrong.
    """
    reported = _reported_submission(application)
    if reported is None:
        return ["no patient was reported"]
    answer = application.ask(Request(reported.visit.patient, source=reported.source), reported.clinic)
    match = answer.response.match if answer.response else answer.fault or answer.not_asked
    content = _file(columns_of(reported.visit.patient), _UNKNOWN_PATIENT)
    application.query_files.put(f"{reported.clinic}/{_FILE_NAME}", content)
    problems = invoke(settings.QUERY_FILES)
    (summary,) = application.query_files.summaries()
    lines = sum(1 for _ in application.query_files.answers(summary))
    outcomes = ", ".join(f"{outcome} {count}" for outcome, count in summary.outcomes.items())
    say(f"Query: {match}. Query file: {summary.progress}, {summary.done} of {summary.rows} rows: {outcomes}")
    expected = {Match.FOUND: 1, Match.NOT_FOUND: 1}
    is_right = match is Match.FOUND and lines == summary.rows and summary.outcomes == expected
    return problems if is_right else [*problems, "the queries were not answered as expected"]


def _reported_submission(application: Application) -> Submission | None:
    """Return a submission of today with a dose that was given and that the IIS stored."""
    outcomes = application.ledger.outcomes.of_day(datetime.now(UTC).date())
    msh_10s = [outcome.msh_10 for outcome in outcomes if outcome.state in STORED_BY_IIS]
    for submission in application.ledger.submissions.many(msh_10s):
        if any(dose.is_given for dose in submission.visit.doses):
            return submission
    return None


def _file(*rows: dict[str, str]) -> bytes:
    """Return a query file."""
    text = io.StringIO(newline="")
    lines = csv.DictWriter(text, COLUMNS)
    lines.writeheader()
    lines.writerows(rows)
    return text.getvalue().encode("utf-8")
