"""The event source mapping of a function, as the switch of delivery (AWS: Lambda API, UpdateEventSourceMapping).

When it is switched off, Lambda stops polling the queue: what was received is still processed, and the messages that
stay in the queue keep their receive counts.

While Lambda carries out the last change, it refuses the next one. The valve looks every minute and asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

_BUSY: Final = frozenset({"ResourceInUseException", "ResourceConflictException"})
_ON: Final = frozenset({"Enabled", "Enabling", "Creating", "Updating"})


class EventSourceMapping:
    """Port `DeliverySwitch` on the mapping with this UUID."""

    def __init__(self, client: LambdaClient, uuid: str) -> None:
        self._client = client
        self._uuid = uuid

    def is_on(self) -> bool:
        return self._client.get_event_source_mapping(UUID=self._uuid)["State"] in _ON

    def switch(self, *, on: bool) -> None:
        try:
            self._client.update_event_source_mapping(UUID=self._uuid, Enabled=on)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _BUSY:
                raise
