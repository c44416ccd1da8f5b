"""The function `query`: the reason for rejecting an event is returned, and not logged."""

from __future__ import annotations

import importlib
import io
from typing import Any

import pytest

from functions import logs
from local.aws.cloud import LocalCloud


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"profile": "Z22", "patient": {}}, "profile is neither Z34 nor Z44"),
        ({"clinic": "elm"}, "the event has no patient"),
        ({"clinic": "elm", "patient": {"birth_date": "SYN-CANARY"}}, "the patient cannot be read"),
    ],
)
def test_an_invalid_event_is_answered_with_the_reason(cloud: LocalCloud, event: dict[str, Any], why: str) -> None:
    handler = importlib.import_module("functions.query.handler").handler
    written = io.StringIO()
    with logs.written_to(written):
        answer = handler(event, None)
    assert (answer["not_asked"], answer["response"]) == (why, None)
    assert why in written.getvalue()
    assert "SYN-CANARY" not in written.getvalue()
