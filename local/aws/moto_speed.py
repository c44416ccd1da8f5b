"""Takes out of moto what makes it slow with the number of items and messages, and changes none of its answers.

moto sorts the whole table for each query, and counts the queue six times for each message that is sent. Each row of
`_QUICKER` replaces one of moto's methods. `tests/local/aws/test_moto_speed.py` asks both and compares the answers, so
that a new version of moto that answers otherwise is noticed.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import camelcase_to_underscores, unix_time_millis
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes, expressions, validators
from moto.sqs import models as sqs_models
from moto.sqs.models import Queue

_Value = tuple[str, str]

# a queue's attributes -------------------------------------------------------------------------------------------------


class _Attributes(Mapping[str, Any]):
    """What `Queue.attributes` gives, each worked out when it is asked for: three of them count the whole queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def __iter__(self) -> Iterator[str]:
        yield from self._queue.BASE_ATTRIBUTES
        if self._queue.fifo_queue:
            yield from self._queue.FIFO_ATTRIBUTES
        if getattr(self._queue, "kms_master_key_id", None):
            yield from self._queue.KMS_ATTRIBUTES

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return any(name == one for one in self)

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        value = getattr(self._queue, camelcase_to_underscores(name))
        if name == "RedrivePolicy" and value:
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else value


def _milliseconds(moment: Any = None) -> float:
    return time.time() * 1000 if moment is None else unix_time_millis(moment)


# an index of the table ------------------------------------------------------------------------------------------------

# By table, then by (attribute, value): the items that have had this value. What is there no more, or has another value
# by now, is passed over.
_SEEN: Final = "_items_by_value"
_narrowed: Final = threading.local()
_put_item: Final = Table.put_item
_update_item: Final = DynamoDBBackend.update_item
_query: Final = Table.query
_all_items: Final = Table.all_items


def _noted(table: Table, item: Item) -> Item:
    seen: Any = table.__dict__.setdefault(_SEEN, defaultdict(dict))
    for index in table.all_indexes():
        for key in index.schema:
            value = item.attrs.get(key["AttributeName"]) if key["KeyType"] == "HASH" else None
            if value is not None:
                seen[key["AttributeName"], value.value][_address(item)] = item
    return item


def _address(item: Item) -> _Value:
    return item.hash_key.value, item.range_key.value if item.range_key else ""


def _put_and_note(table: Table, *arguments: Any, **named: Any) -> Item:
    return _noted(table, _put_item(table, *arguments, **named))


def _update_and_note(backend: DynamoDBBackend, table_name: str, *arguments: Any, **named: Any) -> Item:
    return _noted(backend.get_table(table_name), _update_item(backend, table_name, *arguments, **named))


def _narrow_query(table: Table, hash_key: DynamoType | None, *arguments: Any, **named: Any) -> Any:
    """moto goes through all items of the table; here they are those of the partition that is asked for."""
    conditions = named.get("hash_key_conditions") or []
    # By position: comparison, values, limit, start, direction, projection, index.
    index = named.get("index_name") or (arguments[6] if len(arguments) > 6 else None)
    if index and len(conditions) == 1:
        _narrowed.items = _of_index(table, conditions[0][0], conditions[0][1])
    elif not index and hash_key is not None and table.range_key_attr:
        _narrowed.items = list(table.items.get(hash_key, {}).values())
    try:
        return _query(table, hash_key, *arguments, **named)
    finally:
        _narrowed.items = None


def _of_index(table: Table, attribute: str, value: DynamoType) -> list[Item]:
    seen: Any = table.__dict__.setdefault(_SEEN, defaultdict(dict))
    held: dict[_Value, Item] = seen[attribute, value.value]
    for address, item in list(held.items()):
        current = table.get_item(item.hash_key, item.range_key)
        if current is not item or attribute not in item.attrs or item.attrs[attribute] != value:
            del held[address]
    return list(held.values())


def _narrowed_items(table: Table) -> list[Item]:
    items: list[Item] | None = getattr(_narrowed, "items", None)
    return _all_items(table) if items is None else items


# values ---------------------------------------------------------------------------------------------------------------

_cast_value: Final = DynamoType.cast_value.fget  # type: ignore[attr-defined]
# moto leaves this module untyped.
_parser: Final[Any] = expressions.UpdateExpressionParser  # type: ignore[attr-defined]
_traverser: Final[Any] = ast_nodes.DepthFirstTraverser  # type: ignore[attr-defined]
_NODES: Final[tuple[type, ...]] = (ast_nodes.Node,)  # type: ignore[attr-defined]
_KINDS: Final = "_kinds_of_nodes"
_structure: Final = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001
_project: Final = Item.project


def _quick_value(value: DynamoType) -> Any:
    return value.value if value.type == "S" else _cast_value(value)


def _quick_structure(serializer: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """moto tries ten names for each of an attribute's ten types."""
    is_attribute = shape.name == "AttributeValue" and key and type(value) is dict and len(value) == 1
    if not is_attribute or serializer._value_picker.response_transformers:  # noqa: SLF001 - moto's own
        _structure(serializer, serialized, value, shape, key)
        return
    [(kind, held)] = value.items()
    said: Any = serializer.MAP_TYPE()
    if held is not None:
        serializer._serialize(said, held, shape.members[kind], kind)  # noqa: SLF001
    serializer._default_serialize(serialized, said, shape, key)  # noqa: SLF001


def _quick_project(item: Item, paths: list[list[str]]) -> Item:
    """moto makes the whole item into plain values and back, once for each attribute that is kept."""
    names = ["".join(path) for path in paths if len(path) == 1]
    if len(names) < len(paths) or any("[" in name for name in names):
        return _project(item, paths)
    kept = Item(item.hash_key, item.range_key, {})
    # Past `LimitedSizeDict`, which weighs all the others for each that comes in: a part of an item is no larger.
    dict.update(kept.attrs, {name: item.attrs[name] for name in names if name in item.attrs})
    return kept


@lru_cache(maxsize=1024)
def _is_one_of(kind: Any, kinds: tuple[type, ...]) -> bool:
    """moto's nodes are abstract classes, which take their time to say what is one of them."""
    return issubclass(kind, kinds)


def _quick_walk(traverser: Any, node: Any, child_id: int = -1) -> Any:
    """moto makes the table of what it does with which node anew for each node that it comes to."""
    kinds: tuple[type, ...] | None = traverser.__dict__.get(_KINDS)
    if kinds is None:
        kinds = traverser.__dict__[_KINDS] = traverser.nodes_to_be_processed()
    kind: Any = type(node)
    if not _is_one_of(kind, _NODES):
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, number)
        _quick_walk(traverser, child, number)
    if _is_one_of(kind, kinds):
        node = traverser.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _quick_copy(what: Any) -> Any:
    """The tree of an expression is copied for each update: node by node, without asking each how it is made."""
    kind: Any = type(what)
    if not _is_one_of(kind, _NODES):
        return copy.deepcopy(what)
    made = kind.__new__(kind)
    made.__dict__.update(vars(what))
    if what.children is not None:
        made.children = [_quick_copy(child) for child in what.children]
        for child in made.children:
            if getattr(child, "parent", None) is what:
                child.parent = made
    return made


# (class or module, name, what takes the place of moto's own)
_QUICKER: Final[tuple[tuple[Any, str, Any], ...]] = (
    (Queue, "attributes", property(_Attributes)),
    (sqs_models, "unix_time_millis", _milliseconds),
    (Table, "put_item", _put_and_note),
    (DynamoDBBackend, "update_item", _update_and_note),
    (Table, "query", _narrow_query),
    (Table, "all_items", _narrowed_items),
    (DynamoType, "cast_value", property(_quick_value)),
    (BaseJSONSerializer, "_serialize_type_structure", _quick_structure),
    (Item, "project", _quick_project),
    (_traverser, "traverse_node_recursively", _quick_walk),
    (validators, "deepcopy", _quick_copy),
    # Whoever asks for the tree of an expression works on a copy of it.
    (_parser, "make", staticmethod(lru_cache(maxsize=256)(_parser.make))),
)


# vars() and not getattr(): a property is wanted as it is.
_OWN: Final = tuple((owner, name, vars(owner)[name]) for owner, name, _ in _QUICKER)


def apply() -> None:
    """Puts the quicker methods in place, for as long as the process lives."""
    for owner, name, quicker in _QUICKER:
        setattr(owner, name, quicker)


@contextmanager
def own() -> Iterator[None]:
    """Meanwhile moto does as it is written, for a comparison."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in _QUICKER]
    for owner, name, slow in _OWN:
        setattr(owner, name, slow)
    yield
    for owner, name, what in before:
        setattr(owner, name, what)
