"""The functions' logs hold allowed fields only: no text of libraries and none of exceptions."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from functions import logs

PHI = "Sampleton, Ada"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Yield what a scrubbed handler on the root logger writes at DEBUG."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs.Scrubbed())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def failed() -> None:
    raise KeyError(PHI)


def test_a_librarys_warning_is_reduced_to_logger_and_place(written: io.StringIO) -> None:
    library = logging.getLogger("botocore.parsers")
    library.debug("Response body: %s", PHI)
    library.info(PHI)
    assert written.getvalue() == ""
    try:
        failed()
    except KeyError:
        library.exception("could not read %s", PHI, stack_info=True)
    assert written.getvalue().startswith("botocore.parsers at test_logs:")
    assert written.getvalue().endswith(", KeyError\n")


def test_a_failure_is_logged_with_type_and_place_without_its_text() -> None:
    stream = io.StringIO()
    with logs.written_to(stream):
        try:
            failed()
        except KeyError as error:
            logs.failure("broken", error)
    line = json.loads(stream.getvalue())
    assert line["error"] == "KeyError"
    assert line["place"].startswith("test_logs.py:")
    assert PHI not in stream.getvalue()


@pytest.mark.parametrize("name", [PHI, "Sampleton", "elm street", "", "elm\n"])
def test_a_name_that_no_clinic_or_source_can_have_is_not_logged(name: str) -> None:
    stream = io.StringIO()
    with logs.written_to(stream):
        logs.line("x", clinic=name, source=name)
        logs.line("x", clinic="elm-street", source="elm_2")
    odd, good = map(json.loads, stream.getvalue().splitlines())
    assert (odd["clinic"], odd["source"]) == ("", "")
    assert (good["clinic"], good["source"]) == ("elm-street", "elm_2")


def test_an_exception_leaves_a_handler_without_its_text() -> None:
    @logs.guarded
    def handler(event: dict, context: object) -> None:
        failed()

    with pytest.raises(logs.UnexpectedError, match=r"^KeyError at test_logs\.py:\d+ < ") as raised:
        handler({}, None)
    assert PHI not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
