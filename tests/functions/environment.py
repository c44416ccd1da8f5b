"""The environment of a function of a stage that does not exist: enough to load it and to make its clients."""

from __future__ import annotations

from typing import Final

NOWHERE: Final = {
    "VAXLINE_STAGE": "test",
    "VAXLINE_TABLE": "t",
    "VAXLINE_BUCKET": "b",
    "VAXLINE_OUTBOX_URL": "https://localhost/o",
    "VAXLINE_RESUBMISSION_URL": "https://localhost/r",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "synthetic",
    "AWS_SECRET_ACCESS_KEY": "synthetic",
}
