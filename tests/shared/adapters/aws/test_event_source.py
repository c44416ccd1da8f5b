"""The switch of delivery while Lambda still carries out the last change."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.adapters.aws.event_source import EventSourceMapping


class Refusing:
    """A Lambda client that refuses every change with this code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def update_event_source_mapping(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": self.code}}, "UpdateEventSourceMapping")


@pytest.mark.parametrize("code", ["ResourceInUseException", "ResourceConflictException"])
def test_a_mapping_that_still_changes_is_left_for_the_next_look(code: str) -> None:
    EventSourceMapping(Refusing(code), "U").switch(on=True)  # type: ignore[arg-type]


def test_another_refusal_is_an_error() -> None:
    with pytest.raises(ClientError):
        EventSourceMapping(Refusing("AccessDeniedException"), "U").switch(on=True)  # type: ignore[arg-type]
