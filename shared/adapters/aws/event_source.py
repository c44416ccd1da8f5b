"""The event source mapping of a function, as the switch of delivery (AWS: Lambda API, UpdateEventSourceMapping).

When it is switched off, Lambda stops polling the queue: what was received is still processed, and the messages that
stay in the queue keep their receive counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

_ON: Final = frozenset({"Enabled", "Enabling", "Creating", "Updating"})


class EventSourceMapping:
    """Port `DeliverySwitch` on the mapping with this UUID."""

    def __init__(self, client: LambdaClient, uuid: str) -> None:
        self._client = client
        self._uuid = uuid

    def is_on(self) -> bool:
        return self._client.get_event_source_mapping(UUID=self._uuid)["State"] in _ON

    def switch(self, *, on: bool) -> None:
        self._client.update_event_source_mapping(UUID=self._uuid, Enabled=on)
