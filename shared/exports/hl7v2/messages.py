"""From the lines of an HL7 v2 file to its messages, and from a message to its vaccinations.

A file holds one message, several in a row, or batches (FHS, BHS … BTS, FTS; HL7 v2.5.1, 2.10.3), with or without MLLP's
block characters. Each message names its own delimiters in MSH-1 and MSH-2. Nothing here raises.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from shared.domain.hl7.message import Syntax, syntax_of
from shared.domain.model import Finding

LONGEST_SEGMENT: Final = 131_072
"""In characters; a longer segment is not read."""

LONGEST_MESSAGE: Final = 16 * 1024 * 1024
"""In characters; a longer message is not read."""

_LONGEST_PATIENT: Final = 131_072
_KEPT_OF_UNREADABLE: Final = 16_384
_MLLP: Final = re.compile("[\x0b\x1c]")
_XML_ESCAPED: Final = re.compile(r"MSH[^A-Za-z0-9][^A-Za-z0-9]{3}&(?:amp|#38|#x26);", re.IGNORECASE)
_BLANK: Final = "\r\n \t\ufeff"
_OPENS: Final = {"BTS": "BHS", "FTS": "FHS"}
_ENVELOPE: Final = frozenset({"FHS", "BHS", "BTS", "FTS"})
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
# Other segments before the first order are not read, so they are not repeated with each vaccination.
_OF_PATIENT: Final = frozenset({"PID", "PD1", "NK1", "PV1"})
_OF_ORDER: Final = frozenset({"RXR", "OBX", "NTE"})


@dataclass(slots=True)
class RawMessage:
    """The lines of one message.

    Attributes:
        lines: The segments, MSH first.
        fault: Code of the finding if the message cannot be taken apart.
        size: Length in characters.
        is_broken: A value was broken over lines and joined again.
        is_xml: It was escaped for XML.
        is_cut: The file breaks off within the message.
    """

    lines: list[str]
    fault: str = ""
    size: int = 0
    is_broken: bool = False
    is_xml: bool = False
    is_cut: bool = False

    @property
    def text(self) -> str:
        """The message as it stood in the file, or the beginning of one that cannot be read."""
        whole = "\r".join(self.lines)
        return whole[:_KEPT_OF_UNREADABLE] if self.fault else whole


class Order(NamedTuple):
    """One vaccination as a small message of its own.

    Attributes:
        text: MSH, the patient's segments, and ORC, RXA, RXR, OBX and NTE of the vaccination.
        fault: Code of the finding about the message, if any.
    """

    text: str
    fault: str = ""


@dataclass(slots=True)
class Splitter:
    """Finds the messages among a file's lines.

    Attributes:
        findings: Findings about the file as a whole.
        is_cut: The file breaks off within its last line; the caller sets it.
    """

    findings: list[Finding] = field(default_factory=list)
    is_cut: bool = False
    _message: RawMessage | None = None
    _syntax: Syntax | None = None
    _is_xml: bool = False
    _messages_in_batch: int = 0
    _open_envelopes: list[str] = field(default_factory=list)

    def messages(self, pieces: Iterable[str]) -> Iterator[RawMessage]:
        """Yield the messages of a file.

        Args:
            pieces: The lines with their ends. A line longer than `LONGEST_SEGMENT` comes in several pieces.
        """
        is_within_line = False
        for piece in pieces:
            is_whole = piece[-1] in "\r\n"
            for part in _MLLP.split(piece):
                if is_within_line:
                    self._too_long("SEGMENT-HUGE")
                elif line := part.strip(_BLANK):
                    yield from self._take(line)
            is_within_line = not is_whole and len(piece) >= LONGEST_SEGMENT
        if self._open_envelopes:
            self.findings.append(Finding("FILE-BATCH-OPEN", column="file", value=" ".join(self._open_envelopes)))
        if self._message is not None:
            self._message.is_cut = self.is_cut
        yield from self._finished()

    def _take(self, line: str) -> Iterator[RawMessage]:
        name = line[:3]
        is_segment = not line[3:4].isalnum()
        if name == "MSH" and is_segment:
            yield from self._finished()
            self._messages_in_batch += 1
            self._is_xml = _XML_ESCAPED.match(line) is not None
            line = self._unescaped(line)
            self._syntax = syntax_of(line)
            fault = "" if self._syntax else "MESSAGE-UNREADABLE"
            self._message = RawMessage([line], fault, len(line), is_xml=self._is_xml)
        elif name in _ENVELOPE and is_segment:
            yield from self._finished()
            self._take_envelope(name, line)
        elif self._message is None:
            self._message, self._syntax = RawMessage([line], "MESSAGE-WITHOUT-MSH", len(line)), None
        else:
            self._add(self._message, self._unescaped(line))

    def _unescaped(self, line: str) -> str:
        return html.unescape(line) if self._is_xml else line

    def _add(self, message: RawMessage, line: str) -> None:
        message.size += len(line) + 1
        if message.size > LONGEST_MESSAGE:
            self._too_long("MESSAGE-HUGE")
        elif message.fault and message.size > _KEPT_OF_UNREADABLE:
            return
        elif self._syntax is None or (_NAME.match(line) and line[3:4] in ("", self._syntax.field)):
            message.lines.append(line)
        else:
            self._join(message, line, self._syntax)

    @staticmethod
    def _join(message: RawMessage, line: str, syntax: Syntax) -> None:
        """Add the rest of a value that was broken over lines."""
        message.is_broken = True
        message.lines[-1] += f"{syntax.escape}.br{syntax.escape}{line}"
        if len(message.lines) == 1 and syntax_of(message.lines[0]) != syntax:
            message.fault = message.fault or "MESSAGE-UNREADABLE"

    def _too_long(self, code: str) -> None:
        if self._message is None:
            self._message = RawMessage([""])
        self._message.fault = self._message.fault or code

    def _take_envelope(self, name: str, line: str) -> None:
        """Take the begin or end of a file or batch; BTS-1 is how many messages the batch has."""
        if name in ("FHS", "BHS"):
            self._open_envelopes.append(name)
            self._messages_in_batch = 0
            return
        if name == "BTS":
            count = "".join(line.split(line[3:4] or "|", 2)[1:2]).strip()
            if count.isascii() and count.isdigit() and int(count) != self._messages_in_batch:
                self.findings.append(Finding("FILE-BATCH-COUNT", "BTS-1", column="BTS-1", value=count))
            self._messages_in_batch = 0
        if _OPENS[name] in self._open_envelopes:
            self._open_envelopes.remove(_OPENS[name])

    def _finished(self) -> Iterator[RawMessage]:
        if self._message is not None:
            yield self._message
        self._message = None


def orders(message: RawMessage) -> Iterator[Order]:
    """Yield the vaccinations of a readable message in order: each RXA with the segments around it.

    An ORC begins a group, and so does an RXA that has none. OBX and NTE before the first of both are about the patient.
    A second PID begins the next patient.
    """
    patient: list[str] = []
    group: list[str] = []
    fault = "MESSAGE-LINE-BROKEN" if message.is_broken else "MESSAGE-XML-ESCAPED" if message.is_xml else ""
    for line in message.lines[1:]:
        name = line[:3]
        if name == "PID" and patient and _is_blank(line):
            # Some senders write an empty PID before each order.
            continue
        if name == "PID":
            yield from _order(message, patient, group, fault)
            patient, group = [line], []
        elif name in ("ORC", "RXA"):
            if name == "ORC" or _has_rxa(group):
                yield from _order(message, patient, group, fault)
                group = []
            group.append(line)
        elif group and name in _OF_ORDER:
            group.append(line)
        elif not group and name in _OF_PATIENT:
            patient.append(line)
    yield from _order(message, patient, group, "ROW-CUT-OFF" if message.is_cut else fault)


def _order(message: RawMessage, patient: list[str], group: list[str], fault: str) -> Iterator[Order]:
    if not _has_rxa(group):
        return
    if sum(map(len, patient)) > _LONGEST_PATIENT:
        patient, fault = [line for line in patient if line.startswith("PID")][:1], "MESSAGE-HUGE"
    yield Order("\r".join((message.lines[0], *patient, *group)), fault)


def _is_blank(line: str) -> bool:
    """Whether a segment has nothing but its name, its number and delimiters."""
    return not any(map(str.isalnum, line[3:].lstrip("|0123456789")))


def _has_rxa(group: list[str]) -> bool:
    return any(line.startswith("RXA") for line in group)
