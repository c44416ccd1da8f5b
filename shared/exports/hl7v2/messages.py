r"""From the lines of an HL7 v2 file to its messages, and from a message to its vaccinations.

A file holds one message, several one after the other, or batches (FHS, BHS … BTS, FTS; HL7 v2.5.1, 2.10.3), with or
without MLLP's block characters. Every message names its own delimiters in MSH-1 and MSH-2. Nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from shared.domain.hl7.messages import Syntax
from shared.domain.model import Finding

LONGEST_SEGMENT: Final = 131_072
LONGEST_MESSAGE: Final = 16 * 1024 * 1024
_LONGEST_HEADER: Final = 131_072
_KEPT: Final = 16_384
# ASCII alone: a damaged byte is no delimiter, and repairing the text must not change what the delimiters are.
_HEADER: Final = re.compile(r"MSH([!-/:-@\[-^`{-~])([!-/:-@\[-^`{-~]{2,5})(?:\1|$)")
_USUAL: Final = "^~\\&"
_MLLP: Final = re.compile("[\x0b\x1c]")
_BLANK: Final = "\r\n \t\ufeff"
_ENVELOPE: Final = frozenset({"FHS", "BHS", "BTS", "FTS"})
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
# What is told about the patient and is read; the rest of a message's head does not go with its vaccinations.
_OF_PATIENT: Final = frozenset({"PID", "PD1", "NK1", "PV1"})
_OF_ORDER: Final = frozenset({"RXR", "OBX", "NTE"})


@dataclass(slots=True)
class Message:
    """The segments of one message, MSH first. `fault` is a finding's code where the message cannot be taken apart."""

    lines: list[str]
    fault: str = ""
    size: int = 0
    is_broken: bool = False
    is_cut: bool = False

    @property
    def text(self) -> str:
        """The message as it stood there; of one that cannot be read no more than its beginning."""
        whole = "\r".join(self.lines)
        return whole[:_KEPT] if self.fault else whole


class Order(NamedTuple):
    """One vaccination as a small message of its own: MSH, the patient's segments, and its ORC, RXA, RXR, OBX, NTE."""

    text: str
    fault: str = ""


def syntax_of(header: str) -> Syntax | None:
    """The delimiters that an MSH segment names; None where it names none (HL7 v2.5.1, 2.15.9.1 and 2.15.9.2)."""
    match = _HEADER.match(header)
    if match is None:
        return None
    characters = match[2][:4] + _USUAL[len(match[2]) :]
    return Syntax(match[1], *characters) if len({match[1], *characters}) == len(characters) + 1 else None


@dataclass(slots=True)
class Splitter:
    """Finds the messages among a file's lines. `findings` is what was noticed about the file as a whole.

    Whoever gives the lines sets `is_cut` where the file breaks off within the last one.
    """

    findings: list[Finding] = field(default_factory=list)
    is_cut: bool = False
    _message: Message | None = None
    _syntax: Syntax | None = None
    _batch: int = 0
    _open: list[str] = field(default_factory=list)

    def messages(self, pieces: Iterable[str]) -> Iterator[Message]:
        """The messages of a file; `pieces` are its lines, one longer than `LONGEST_SEGMENT` in several."""
        is_within = False
        for piece in pieces:
            is_whole = piece[-1] in "\r\n"
            for line in _MLLP.split(piece) if "\x0b" in piece or "\x1c" in piece else (piece,):
                if is_within:
                    self._too_long("SEGMENT-HUGE")
                elif line := line.strip(_BLANK):
                    yield from self._take(line)
            is_within = not is_whole and len(piece) >= LONGEST_SEGMENT
        if self._open:
            self.findings.append(Finding("FILE-BATCH-OPEN", column="file", value=" ".join(self._open)))
        if self._message is not None:
            self._message.is_cut = self.is_cut
        yield from self._finished()

    def _take(self, line: str) -> Iterator[Message]:
        name = line[:3]
        if name == "MSH" and not line[3:4].isalnum():
            yield from self._finished()
            self._batch += 1
            self._syntax = syntax_of(line)
            self._message = Message([line], "" if self._syntax else "MESSAGE-UNREADABLE", len(line))
        elif name in _ENVELOPE and not line[3:4].isalnum():
            yield from self._finished()
            self._envelope(name, line)
        elif self._message is None:
            self._message, self._syntax = Message([line], "MESSAGE-WITHOUT-MSH", len(line)), None
        else:
            self._add(self._message, line)

    def _add(self, message: Message, line: str) -> None:
        message.size += len(line) + 1
        if message.size > LONGEST_MESSAGE:
            self._too_long("MESSAGE-HUGE")
        elif message.fault and message.size > _KEPT:
            return
        elif self._syntax is None or (_NAME.match(line) and line[3:4] in ("", self._syntax.field)):
            message.lines.append(line)
        else:
            # A line break within a value: the value goes on here.
            message.is_broken = True
            message.lines[-1] += f"{self._syntax.escape}.br{self._syntax.escape}{line}"
            if len(message.lines) == 1 and syntax_of(message.lines[0]) != self._syntax:
                message.fault = message.fault or "MESSAGE-UNREADABLE"

    def _too_long(self, code: str) -> None:
        if self._message is None:
            self._message = Message([""])
        self._message.fault = self._message.fault or code

    def _envelope(self, name: str, line: str) -> None:
        parts = line.split(line[3:4] or "|", 2)
        said = parts[1].strip() if len(parts) > 1 else ""
        if name in ("FHS", "BHS"):
            self._open.append(name)
            self._batch = 0
            return
        if name == "BTS":
            if said.isascii() and said.isdigit() and int(said) != self._batch:
                self.findings.append(Finding("FILE-BATCH-COUNT", "BTS-1", column="BTS-1", value=said))
            self._batch = 0
        opener = {"BTS": "BHS", "FTS": "FHS"}[name]
        if opener in self._open:
            self._open.remove(opener)

    def _finished(self) -> Iterator[Message]:
        if self._message is not None:
            yield self._message
        self._message = None


def orders(message: Message) -> Iterator[Order]:
    """The vaccinations of a message, in their order: every RXA, with what stands with it.

    An ORC opens a group, and so does an RXA that has none; OBX and NTE before the first of both tell about the patient.
    A second PID makes what follows it the next patient's.
    """
    syntax = syntax_of(message.lines[0])
    assert syntax is not None
    head: list[str] = []
    group: list[str] = []
    fault = "MESSAGE-LINE-BROKEN" if message.is_broken else ""
    for line in message.lines[1:]:
        name = line[:3]
        if name == "PID":
            yield from _order(message, head, group, fault)
            head, group = [line], []
        elif name in ("ORC", "RXA"):
            if name == "ORC" or any(one.startswith("RXA") for one in group):
                yield from _order(message, head, group, fault)
                group = []
            group.append(line)
        elif group and name in _OF_ORDER:
            group.append(line)
        elif not group and name in _OF_PATIENT:
            head.append(line)
    yield from _order(message, head, group, "ROW-CUT-OFF" if message.is_cut else fault)


def _order(message: Message, head: list[str], group: list[str], fault: str) -> Iterator[Order]:
    if not any(line.startswith("RXA") for line in group):
        return
    if sum(map(len, head)) > _LONGEST_HEADER:
        head, fault = [line for line in head if line.startswith("PID")][:1], "MESSAGE-HUGE"
    yield Order("\r".join((message.lines[0], *head, *group)), fault)
