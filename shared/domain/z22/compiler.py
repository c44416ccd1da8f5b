"""The table of profile Z22, compiled: for each field a judge that says what is wrong with a value as it stands in ER7.

A judge takes one value and returns its problems, none for most. Judges of codes, dates and ids remember what they said,
since those repeat from message to message; names, addresses and numbers of persons are judged anew and not kept.

In what is judged nothing is blank: what holds only spaces or separators has been emptied (`conformance`), so that an
element is there exactly where its text is not empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from shared.domain.hl7.er7 import NULL
from shared.domain.z22.model import ANY, DataType, Field, Part, Segment, Statement, Usage
from shared.domain.z22.primitives import FORMS
from shared.domain.z22.rules import OBSERVED, OBSERVED_TYPES
from shared.domain.z22.types import TYPES
from shared.domain.z22.valuesets import ValueSet


class Problem(NamedTuple):
    """What is wrong in a segment: the code of its check, where (`-5.1`, `-5[2].1`; empty: all of it), the raw value."""

    code: str
    where: str
    value: str


class Fault(NamedTuple):
    """What is wrong in a value: where in it (`.4.1`), the kind of fault or the statement that it breaks, the text."""

    where: str
    kind: str
    text: str


Problems = tuple[Problem, ...]
Faults = tuple[Fault, ...]
Judge = Callable[[str], Faults]
NONE: Final = ()

_REMEMBERED: Final = 4096
"""How many values a judge keeps before it starts afresh."""

_SHORT: Final = 64
"""Shorter values of composite types are judged by their length: most are."""

_PERSONAL: Final = frozenset({"CX_IZ", "EI_IZ", "XPN_IZ", "XPN_M", "XAD_IZ", "XTN_IZ"})
_LETTER_ESCAPE: Final = re.compile(r"\\[FSTRE]\\")

RAGGED: Final = (Problem("", "", ""),)
"""Said of a value that has to be tidied before it can be judged."""

_RAGGED: Final = re.compile(r"(?:^|[~^&]) +(?:$|[~^&])|[\^&]~|[\^&~]$|&\^")


def is_ragged(value: str) -> bool:
    """Whether something in a value is blank, or ends with empty parts; what vaxline builds hardly ever is."""
    if " " in value or "~" in value or "&" in value:
        return _RAGGED.search(value) is not None
    return value[-1] in "^&"


class Verdicts(dict[str, Problems]):
    """The judge of one field, as a mapping from value to problems: what is known costs one look-up.

    `absent` is what an empty field amounts to. The judge is compiled when the first value comes.
    """

    __slots__ = ("_absent", "_judge", "_keeps", "_make")

    def __init__(self, make: Callable[[], Callable[[str], Problems]], absent: Problems, *, keeps: bool) -> None:
        super().__init__()
        self._make, self._absent, self._keeps = make, absent, keeps
        self._judge: Callable[[str], Problems] | None = None
        self[""] = absent

    def __missing__(self, value: str) -> Problems:
        if not value:
            return self._absent
        if is_ragged(value):
            return RAGGED
        if self._judge is None:
            self._judge = self._make()
        problems = self._judge(value)
        if self._keeps:
            if len(self) >= _REMEMBERED:
                self.clear()
                self[""] = self._absent
            self[value] = problems
        return problems


# One value ------------------------------------------------------------------------------------------------------------


def _length(text: str) -> int:
    """The length of a text whose delimiters are escaped, each counted as the one character that it stands for."""
    return len(_LETTER_ESCAPE.sub("?", text)) if "\\" in text else len(text)


def _listed(values: ValueSet | None) -> frozenset[str]:
    return frozenset() if values is None else frozenset[str]().union(*values.codes.values())


def _primitive(element: Part | Field, where: str) -> Judge:
    """What is wrong with a primitive value that is there."""
    form = FORMS.get(element.type)
    longest, shortest, values, statement = element.longest, element.shortest, element.values, element.statement
    known = _listed(values) if statement is None else frozenset()

    def judge(text: str) -> Faults:
        if text in known:
            return NONE
        faults = []
        if form is None and ("&" in text or "^" in text):
            faults.append(Fault(where, "SEPARATOR", text))
        if form is not None and not form(text):
            faults.append(Fault(where, "FORMAT", text))
        if (longest and len(text) > longest and _length(text) > longest) or len(text) < shortest:
            faults.append(Fault(where, "LENGTH", text))
        if values is not None and not values.has(text):
            faults.append(Fault(where, "CODE", text))
        if statement is not None and not statement.passes(text):
            faults.append(Fault(where, statement.code, text))
        return tuple(faults)

    def judge_text(text: str) -> Faults:
        if len(text) <= longest and "&" not in text and "^" not in text:
            return NONE
        return judge(text)

    return judge_text if _is_plain_text(element) else judge


def _is_plain_text(element: Part | Field) -> bool:
    """Whether all that can be wrong with a primitive value is that it is too long or has a delimiter in it."""
    return (
        element.type not in FORMS
        and element.values is None
        and element.statement is None
        and element.shortest == 1
        and element.longest > 0
    )


def _is_looked_at(part: Part) -> bool:
    return part.usage is not Usage.O or part.type in TYPES


def _composite(type_: DataType, separator: str, where: str) -> Judge:  # noqa: C901  # a compiler of one small machine
    """What is wrong with a value of a composite type that is there."""
    judges: list[tuple[int, Judge]] = []
    enough: dict[int, int] = {}
    required: list[tuple[int, Faults]] = []
    conditions: list[tuple[int, Callable[[list[str]], bool], Faults, Faults, str, str]] = []
    for part in type_.parts:
        place, index = f"{where}.{part.position}", part.position - 1
        if part.usage is Usage.X:
            judges.append((index, _refusal(place)))
        elif _is_looked_at(part):
            nested = TYPES.get(part.type)
            judges.append((index, _primitive(part, place) if nested is None else _composite(nested, "&", place)))
            if nested is None and _is_plain_text(part):
                enough[index] = part.longest
        missing = absence(place, part.usage, warned=part.warned)
        if missing:
            required.append((index, missing))
        if part.when is not None:
            then, otherwise = part.when.then, part.when.otherwise
            conditions.append(
                (
                    index,
                    part.when.holds,
                    absence(place, then, warned=part.warned),
                    absence(place, otherwise, warned=part.warned),
                    place if then is Usage.X else "",
                    place if otherwise is Usage.X else "",
                )
            )
    size = type_.size
    width = max([part.position for part in type_.parts if part.usage is not Usage.X] + [size if conditions else 0, 1])
    padding = [[""] * max(width - count, 0) for count in range(width + 1)]
    # A part cannot be too long in a value that is not: by the value's length, who may have to say something.
    asked = [[(index, one) for index, one in judges if enough.get(index, -1) < length] for length in range(_SHORT)]

    def judge(text: str) -> Faults:  # noqa: C901  # one flat loop: this is where the time goes
        parts = text.split(separator)
        faults: Faults = NONE
        if len(parts) < width:
            parts += padding[len(parts)]
        elif len(parts) > size:
            faults += (Fault(where, "EXTRA", text),)
        count = len(parts)
        for index, judge_part in judges if "&" in text or len(text) >= _SHORT else asked[len(text)]:
            if index < count and (part := parts[index]):
                faults += judge_part(part)
        for index, missing in required:
            if not parts[index]:
                faults += missing
        for index, holds, then, otherwise, refused_then, refused_otherwise in conditions:
            if parts[index]:
                if refused_then or refused_otherwise:
                    refused = refused_then if holds(parts) else refused_otherwise
                    if refused:
                        faults += (Fault(refused, "NOT-ALLOWED", parts[index]),)
            elif then or otherwise:
                faults += then if holds(parts) else otherwise
        return faults

    return judge


def _refusal(where: str) -> Judge:
    return lambda text: (Fault(where, "NOT-ALLOWED", text),)


def absence(where: str, usage: Usage, *, warned: bool) -> Faults:
    """What an empty element of this usage amounts to."""
    if usage is Usage.R:
        return (Fault(where, "MISSING", ""),)
    return (Fault(where, "EMPTY", ""),) if usage is Usage.RE and warned else NONE


def _triplet(values: ValueSet, inner: Judge) -> Judge:
    """A coded value (CE, CWE): its code and coding system against the value set, beside what its type asks."""

    def judge(text: str) -> Faults:
        faults = inner(text)
        parts = text.split("^", 3)
        code, system = parts[0], parts[2] if len(parts) > 2 else ""
        if not code or not system or values.has_of(system, code):
            return faults
        if values.by_system:
            wrong = "CODE" if system in values.systems else "SYSTEM"
        else:
            wrong = "SYSTEM" if values.has(code) else "CODE"
        place = (".1", wrong, code) if wrong == "CODE" else (".3", wrong, system)
        return (*faults, Fault(*place))

    return judge


def _identifier(values: ValueSet, inner: Judge) -> Judge:
    """An EI whose first component is bound to a value set."""

    def judge(text: str) -> Faults:
        code = text.split("^", 1)[0]
        return inner(text) if not code or values.has(code) else (*inner(text), Fault(".1", "CODE", code))

    return judge


def of_type(type_: str, element: Field) -> Judge:
    """The judge of one repetition of a field, of the data type that it has there."""
    composite = TYPES.get(type_)
    if composite is None:
        return _primitive(element, "")
    judge = _composite(composite, "^", "")
    if element.values is None:
        return judge
    return (_triplet if type_ in ("CE_IZ", "CWE_IZ") else _identifier)(element.values, judge)


# One field ------------------------------------------------------------------------------------------------------------


_NULL: Final = (Fault("", "Z22-NULL", NULL),)


def _repetitions(one: Judge, repeats: int) -> Judge:
    """Every repetition of a field; `[n]` names those after the first."""

    def judge(text: str) -> Faults:
        if "~" not in text:
            return one(text) if text != NULL else _NULL
        faults: list[Fault] = []
        for number, repetition in enumerate(text.split("~"), 1):
            place = "" if number == 1 else f"[{number}]"
            if not repetition:
                # The first repetition is the one that predicates and statements speak of.
                faults += [Fault("", "MISSING", text)] if number == 1 else []
                continue
            if repetition == NULL:
                faults += _NULL
                continue
            if repeats != ANY and number > repeats:
                faults.append(Fault(place, "REPEATS", repetition))
            faults += [Fault(place + where, kind, raw) for where, kind, raw in one(repetition)]
        return tuple(faults)

    return judge


def _stating(statement: Statement, inner: Judge) -> Judge:
    """A conformance statement about the first repetition of a composite field."""

    def judge(text: str) -> Faults:
        value = text.split("~", 1)[0]
        if value in ("", NULL) or statement.passes(value):
            return inner(text)
        return (*inner(text), Fault("", statement.code, value))

    return judge


def to_problems(faults: Iterable[Fault], prefix: str, number: int) -> Problems:
    """The faults of a field as problems of its segment: a kind of fault becomes `Z22-PID-5-MISSING`.

    Of an optional field (its prefix names the segment only) the row says that it breaks HL7, not how.
    """
    is_optional = prefix.count("-") == 1
    problems = []
    for where, kind, text in faults:
        is_code = kind.startswith(("IZ-", "Z22-"))
        code = kind if is_code else f"{prefix}-{'OPTIONAL' if is_optional else kind}"
        problems.append(Problem(code, f"-{number}{where}", text))
    return tuple(problems)


def _telling(judge: Judge, prefix: str, number: int) -> Callable[[str], Problems]:
    """The judge of a field in the words of its segment."""

    def tell(text: str) -> Problems:
        faults = judge(text)
        return to_problems(faults, prefix, number) if faults else NONE

    return tell


def accept(_: str) -> Problems:
    """The judge of what is judged elsewhere."""
    return NONE


class _Delimiters(Verdicts):
    """MSH-1 and MSH-2: `conformance` has looked at them before it splits the message."""

    def __missing__(self, value: str) -> Problems:
        return NONE


_DELIMITERS: Final = _Delimiters(lambda: accept, NONE, keeps=False)


def column(segment: Segment, field: Field) -> Verdicts:
    """The judge of a field that the table has a row for."""
    if segment.name == "MSH" and field.number <= 2:
        return _DELIMITERS
    prefix, number = f"Z22-{segment.name}-{field.number}", field.number

    def make() -> Callable[[str], Problems]:
        if field.type == "varies":
            # What OBX-5 may be, OBX-2 decides.
            return accept
        judge = _refusal("")
        if field.usage is not Usage.X:
            judge = _repetitions(of_type(field.type, field), field.repeats)
            if field.statement is not None and field.type in TYPES:
                judge = _stating(field.statement, judge)
        return _telling(judge, prefix, number)

    absent = to_problems(absence("", field.usage, warned=field.warned), prefix, number)
    is_text = field.type in ("ST", "FT") and field.longest > 20
    return Verdicts(make, absent, keeps=(field.type not in _PERSONAL or field.values is not None) and not is_text)


def optional_column(segment: Segment, number: int, type_: str, repeats: int) -> Verdicts:
    """The judge of a field that the profile leaves to HL7 v2.5.1: repetitions, and the parts that its type requires."""

    def make() -> Callable[[str], Problems]:
        composite = TYPES.get(type_)
        judge = _repetitions(accept_value if composite is None else _composite(composite, "^", ""), repeats)
        return _telling(judge, f"Z22-{segment.name}", number)

    return Verdicts(make, NONE, keeps=type_ == "TS")


def accept_value(_: str) -> Faults:
    """The judge of a primitive value in an optional field."""
    return NONE


# OBX-5 ----------------------------------------------------------------------------------------------------------------


def _observed(type_: str, values: ValueSet | None, code: str) -> Judge:
    field = Field(5, "", Usage.R, type_, 99999)
    judge = _repetitions(of_type(type_, field), 1)
    if values is None:
        return judge
    bound = values

    def judge_code(text: str) -> Faults:
        parts = text.split("~", 1)[0].split("^", 3)
        value, system = parts[0], parts[2] if len(parts) > 2 else ""
        return judge(text) if value == NULL or bound.has_of(system, value) else (*judge(text), Fault("", code, value))

    return judge_code


class ObservedValues:
    """The judges of OBX-5, by OBX-2 and, where that is CE, OBX-3.1."""

    def __init__(self) -> None:
        self._by_type = {type_: self._verdicts(name, None, "") for type_, name in OBSERVED_TYPES.items()}
        self._by_code = {code: self._verdicts("CE_IZ", values, row) for code, (row, values) in OBSERVED.items()}

    @staticmethod
    def _verdicts(type_: str, values: ValueSet | None, code: str) -> Verdicts:
        def make() -> Callable[[str], Problems]:
            judge = _observed(type_, values, code)
            return _telling(judge, "Z22-OBX-5", 5)

        return Verdicts(make, NONE, keeps=type_ in ("CE_IZ", "DT", "NM", "ID"))

    def judge(self, value_type: str, observation: str, value: str) -> Problems:
        """The problems of an OBX-5 that is there."""
        if value_type == "CE":
            verdicts = self._by_code.get(observation)
            if verdicts is not None:
                return verdicts[value]
        verdicts = self._by_type.get(value_type)
        if verdicts is not None:
            return verdicts[value]
        return (Problem("Z22-OBX-5-FORMAT", "-5", value),)
