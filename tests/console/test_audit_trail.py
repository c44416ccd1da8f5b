"""On AWS an entry of the audit trail names the caller as AWS does."""

from __future__ import annotations

from datetime import UTC, datetime

from console import audit_trail
from local.aws.cloud import LocalCloud
from shared.bootstrap import Application
from shared.replaced import replace


def test_the_caller_is_named_by_aws_and_the_days_are_in_order(cloud: LocalCloud) -> None:
    application = Application(replace(cloud.runtime, stage="test"))
    audit_trail.record(application, "show", ["M1", "M2"])
    audit_trail.record(application, "close", ["M1"])
    today = datetime.now(UTC).date()
    found = list(application.audit.entries(today, today))
    assert [(entry.action, entry.subject) for entry in found] == [("show", "M1"), ("show", "M2"), ("close", "M1")]
    assert all(entry.who.startswith("arn:aws:") for entry in found)
