"""query: asks the IIS about one patient and returns the answer, for EHR integrations and the console.

Event: `{"clinic": "elm-street", "profile": "Z44", "patient": {"last_name": …, "first_name": …, "birth_date": …}}`
(docs/query.md). The answer is PHI, so nothing of it is logged.

`{"operation": "connectivityTest"}` tests the connection to the IIS.
"""

from __future__ import annotations

from typing import Any

import msgspec

from functions import logs
from shared.bootstrap import application
from shared.domain.hl7.qbp import Profile, Request
from shared.usecases.registry.connection import TEST_CONNECTION
from shared.usecases.registry.query import Asked, patient_of

_app = application()
_iis = _app.query_iis  # Loads zeep and the WSDL at the cold start, not in the first query.


@logs.guarded
def handler(event: dict[str, Any], context: object) -> Any:
    """Ask one question, or test the connection to the IIS.

    Returns:
        `Asked` as JSON. If the event is not valid, `not_asked` says why. Of a test `Tested`, or why there was none.
    """
    if event.get("operation") == TEST_CONNECTION:
        return _tested(str(event.get("clinic", "")))
    clinic = str(event.get("clinic", ""))
    asked = _asked(event, clinic)
    outcome = asked.not_asked or (str(asked.response.match) if asked.response else "")
    logs.line("asked", msh_10=asked.msh_10, clinic=clinic, outcome=outcome, fault=asked.fault, seconds=asked.seconds)
    return msgspec.to_builtins(asked)


def _tested(clinic: str) -> Any:
    try:
        tested = _app.test_connection_here(clinic)
    except LookupError as error:
        return {"refused": str(error)}
    logs.line("connection tested", clinic=clinic, fault=tested.fault, seconds=tested.seconds)
    return msgspec.to_builtins(tested)


def _asked(event: dict[str, Any], clinic: str) -> Asked:
    profile = event.get("profile", Profile.FORECAST.value)
    if profile not in list(Profile):
        return Asked(clinic, Profile.FORECAST, not_asked="profile is neither Z34 nor Z44")
    columns = event.get("patient")
    if not isinstance(columns, dict):
        return Asked(clinic, Profile(profile), not_asked="the event has no patient")
    patient = patient_of({str(column): str(value) for column, value in columns.items()})
    if isinstance(patient, str):
        # The text quotes the value that cannot be read: it is returned to the caller and not logged.
        return Asked(clinic, Profile(profile), not_asked="the patient cannot be read", missing=(patient,))
    return _app.query(Request(patient, Profile(profile), str(event.get("source", ""))), clinic)
