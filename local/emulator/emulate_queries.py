"""Asks on the emulated stage with an operator's rights: one patient by `query`, a query file by `query_files`."""

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

_NAME: Final = "drill.csv"
_STRANGER: Final = {"last_name": "Sampleton", "first_name": "Nobody", "birth_date": "19900506", "sex": "F"}


def asked(
    application: Application, start: Callable[[FunctionSettings], list[str]], say: Callable[[str], None]
) -> list[str]:
    """Asks about a reported patient, and about one more by file; what was not right."""
    reported = _reported(application)
    if reported is None:
        return ["nobody was reported whom one could ask about"]
    answer = application.ask(Request(reported.visit.patient, source=reported.source), reported.clinic)
    match = answer.response.match if answer.response else answer.fault or answer.not_asked
    application.query_files.put(f"{reported.clinic}/{_NAME}", _file(columns_of(reported.visit.patient), _STRANGER))
    problems = start(settings.QUERY_FILES)
    (summary,) = application.query_files.summaries()
    lines = sum(1 for _ in application.query_files.answers(summary))
    outcomes = ", ".join(f"{outcome} {count}" for outcome, count in summary.outcomes.items())
    say(
        f"Asked by query: {match}. Asked by file: {summary.progress}, {summary.done} of {summary.rows} rows: {outcomes}"
    )
    right = match is Match.FOUND and lines == summary.rows and summary.outcomes == {Match.FOUND: 1, Match.NOT_FOUND: 1}
    return problems if right else [*problems, "the IIS was not asked as it should be"]


def _reported(application: Application) -> Submission | None:
    marks = [
        one.msh_10 for one in application.ledger.outcomes.of_day(datetime.now(UTC).date()) if one.state in STORED_BY_IIS
    ]
    given = (
        one for one in application.ledger.submissions.many(marks) if any(dose.is_given for dose in one.visit.doses)
    )
    return next(given, None)


def _file(*rows: dict[str, str]) -> bytes:
    text = io.StringIO(newline="")
    lines = csv.DictWriter(text, COLUMNS)
    lines.writeheader()
    lines.writerows(rows)
    return text.getvalue().encode("utf-8")
