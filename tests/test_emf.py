"""The validator of EMF documents finds each broken rule."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.emf import violations

VALID: Final[dict[str, Any]] = {
    "_aws": {
        "Timestamp": 1_700_000_000_000,
        "CloudWatchMetrics": [
            {
                "Namespace": "vaxline/test",
                "Dimensions": [[], ["clinic"]],
                "Metrics": [{"Name": "Accepted", "Unit": "Count"}],
            }
        ],
    },
    "clinic": "elm",
    "Accepted": 2,
}


def _directive(**members: Any) -> dict[str, Any]:
    directive = VALID["_aws"]["CloudWatchMetrics"][0] | members
    return VALID | {"_aws": VALID["_aws"] | {"CloudWatchMetrics": [directive]}}


def test_a_valid_document_breaks_no_rule() -> None:
    assert violations(VALID) == []
    assert violations(VALID | {"Accepted": [0.5] * 100}) == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        VALID | {"_aws": {"CloudWatchMetrics": VALID["_aws"]["CloudWatchMetrics"]}},
        VALID | {"_aws": VALID["_aws"] | {"Timestamp": 1.5}},
        VALID | {"_aws": VALID["_aws"] | {"CloudWatchMetrics": []}},
        VALID | {"Accepted": [1] * 101},
        VALID | {"Accepted": []},
        VALID | {"Accepted": "2"},
        VALID | {"Accepted": True},
        VALID | {"Accepted": float("nan")},
        VALID | {"clinic": 7},
        VALID | {"clinic": ""},
        {name: value for name, value in VALID.items() if name != "clinic"},
        VALID | {"note": "x" * 300_000},
        _directive(Namespace=""),
        _directive(Namespace="x" * 256),
        _directive(Dimensions=[]),
        _directive(Dimensions=[["clinic"] * 31]),
        _directive(Metrics=[]),
        _directive(Metrics=[{"Name": "Accepted"}] * 101),
        _directive(Metrics=[{"Name": "Accepted", "Unit": "Days"}]),
        _directive(Metrics=[{"Name": "Refused", "Unit": "Count"}]),
        _directive(Other=1),
    ],
)
def test_a_document_that_breaks_one_rule_is_found(document: dict[str, Any]) -> None:
    assert violations(document)
