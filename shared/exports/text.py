"""Reads the bytes of one export file as lines and CSV records, and reports damage instead of raising.

    bytes (.gz by its first two bytes) → text (BOM, else the source's encoding) → physical lines → records

Bytes that are not UTF-8 become lone surrogates (PEP 383) and are repaired in the record that holds them.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final, cast

from shared.exports.kinds import HEAD

GZIP: Final = b"\x1f\x8b"
LONGEST_CELL: Final = 131_072
"""Characters of a CSV cell."""
LONGEST_LINE: Final = 4 * 1024 * 1024
"""Characters of a line that are kept; a line of this length counts as too long."""
# DEFLATE reaches 1,032:1 on pure repetition; exports stay below 60:1. A small file may have any ratio.
_LARGEST_RATIO: Final = 250
_UNPACKED_ANYWAY: Final = 64 * 1024 * 1024
_SURROGATES: Final = re.compile("[\udc80-\udcff]")
# Characters other than letters in Windows-1252 text: curved quotes, dashes, ellipsis, bullet, degree, ordinals, (c),
# (R), TM, section, no-break space, middle dot, acute accent, angle quotes, fractions.
_TYPOGRAPHIC: Final = frozenset(bytes.fromhex("9192939496978595b0aabaa9ae99a7a0b7b4abbbbdbcbe").decode("cp1252"))


class Damaged(Exception):  # noqa: N818 - the end of what can be read, not a bug
    """The rest of a file cannot be read; `code` is the code of its finding."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Counted(io.RawIOBase):
    """A byte stream that counts the bytes read."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


class _Whole(io.RawIOBase):
    """A byte stream that ends where a compressed file is damaged, cut off or too large; `cut_by` is the finding."""

    def __init__(self, stream: io.BufferedReader, packed: _Counted | None) -> None:
        super().__init__()
        self._stream = stream
        self._packed = packed
        self._count = 0
        self._ahead = b""
        self.cut_by = ""

    @property
    def is_cut(self) -> bool:
        return self.cut_by != ""

    def readable(self) -> bool:
        return True

    def look(self, size: int) -> bytes:
        """Return the first bytes, fewer only if the file has no more. They are read again afterwards."""
        while len(self._ahead) < size and (data := self._next(size - len(self._ahead))):
            self._ahead += data
        return self._ahead

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if self._ahead:
            data, self._ahead = self._ahead[: len(buffer)], self._ahead[len(buffer) :]
        else:
            data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        if self.is_cut:
            return b""
        try:
            # `read` would lose the bytes before the damage, `read1` returns them.
            data = self._stream.read1(size)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            self.cut_by = "FILE-CUT-OFF"
            return b""
        self._count += len(data)
        if self._packed and self._count > max(_UNPACKED_ANYWAY, _LARGEST_RATIO * self._packed.count):
            self.cut_by = "FILE-UNPACKS-HUGE"
            return b""
        return data


class Text:
    """The lines of one export file.

    Iteration yields physical lines with their ends (LF, CRLF or CR). A longer line is cut to `LONGEST_LINE` characters,
    without its end.

    Attributes:
        head: The first bytes of the file, uncompressed.
        encoding: The encoding it is read in.
        cut_line: The last line of a damaged file, which is incomplete and not yielded.
    """

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        buffered = stream if hasattr(stream, "peek") else io.BufferedReader(cast(io.RawIOBase, stream))
        packed = None
        if cast(io.BufferedReader, buffered).peek(2)[:2] == GZIP:
            packed = _Counted(buffered)
            buffered = cast(IO[bytes], gzip.GzipFile(fileobj=packed))
        self._whole = _Whole(cast(io.BufferedReader, buffered), packed)
        self.head = self._whole.look(HEAD)
        reader = io.BufferedReader(cast(io.RawIOBase, self._whole), buffer_size=1 << 18)
        self.encoding, errors = _encoding(self.head, encoding)
        self._lines = io.TextIOWrapper(reader, self.encoding, errors, newline="")
        self.cut_line = ""

    @property
    def is_cut(self) -> bool:
        """Whether the file ended before its end."""
        return self._whole.is_cut

    @property
    def cut_by(self) -> str:
        """The code of the finding that ended the file before its end; empty if it was read whole."""
        return self._whole.cut_by

    def __iter__(self) -> Iterator[str]:
        lines = self._read(iter(lambda: self._lines.readline(LONGEST_LINE), ""))
        for line in lines:
            if len(line) >= LONGEST_LINE and line[-1] not in "\r\n":
                # Skip the rest of a line that is too long.
                next((rest for rest in lines if rest[-1] in "\r\n"), "")
            yield line

    def pieces(self, longest: int) -> Iterator[str]:
        """Yield the lines, those of more than `longest` characters in pieces; only the last piece has an end."""
        return self._read(iter(lambda: self._lines.readline(longest), ""))

    def _read(self, lines: Iterator[str]) -> Iterator[str]:
        while True:
            try:
                line = next(lines)
            except StopIteration:
                return
            except UnicodeDecodeError:
                raise Damaged("FILE-ENCODING-UNREADABLE") from None
            # Only the last line has no end, and only after it is known whether the file was cut.
            if line[-1] not in "\r\n" and self.is_cut:
                self.cut_line = line
                return
            yield line


def _encoding(start: bytes, configured: str) -> tuple[str, str]:
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "surrogateescape"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "strict"
    return configured, "strict" if configured.casefold().startswith(("utf-16", "utf16")) else "surrogateescape"


def repaired(text: str) -> tuple[str, bool]:
    """Read the undecodable bytes of a text as Windows-1252.

    Returns:
        The text, and whether all of these bytes are letters or typographic characters, so that it is plausible.
    """
    is_sensible = True

    def read(match: re.Match[str]) -> str:
        nonlocal is_sensible
        try:
            character = bytes([ord(match.group()) - 0xDC00]).decode("cp1252")
        except UnicodeDecodeError:
            character = "\ufffd"
        if not (unicodedata.category(character).startswith("L") or character in _TYPOGRAPHIC):
            is_sensible = False
        return character

    return _SURROGATES.sub(read, text), is_sensible


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that cannot be trusted: the code of its finding, and its text."""

    code: str
    text: str


class Records:
    """CSV records of lines. A quotation mark that is never closed loses only the line in which it stands.

    The csv module reads an open quote to the end of the file, or to the next stray quote. The lines of the current
    record are kept, so that all but the first can be read again.
    """

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self._source = lines
        self._delimiter = delimiter
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self.width = 0

    def _lines(self) -> Iterator[str]:
        while True:
            if self._again:
                line = self._again.popleft()
            else:
                try:
                    line = next(self._source)
                except StopIteration:
                    return
            self._taken.append(line)
            yield line

    def __iter__(self) -> Iterator[list[str] | Bad]:
        csv.field_size_limit(LONGEST_CELL)
        taken = self._taken
        while True:
            # A csv.reader cannot go on after an open quote at the end of the file, so a new one does.
            reader = csv.reader(self._lines(), delimiter=self._delimiter)
            while True:
                taken.clear()
                try:
                    row = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    yield self._bad(str(error))
                    continue
                if len(taken[0]) >= LONGEST_LINE:
                    yield Bad("ROW-CELL-HUGE", taken[0][: LONGEST_CELL // 8])
                    continue
                if len(taken) > 1 and self._is_runaway(taken):
                    yield self._bad("quote")
                    break
                yield row
            if not self._again:
                return

    def _bad(self, reason: str) -> Bad:
        first, *rest = self._taken
        self._again.extendleft(reversed(rest))
        is_huge = "field larger" in reason and not rest
        return Bad("ROW-CELL-HUGE" if is_huge else "ROW-QUOTE-OPEN", first[: LONGEST_CELL // 8])

    def _is_runaway(self, taken: list[str]) -> bool:
        """Whether an open quote swallowed lines that do not belong to one quoted value.

        It did if the file ended within the quotes, or if both the first line and a later one have the delimiters of a
        whole record.
        """
        if sum(line.count('"') for line in taken) % 2:
            return True
        full = max(self.width, 3) - 1
        delimiter = self._delimiter
        return taken[0].count(delimiter) >= full and any(line.count(delimiter) >= full for line in taken[1:])
