"""`vaxline explain`: say what a code means, or what a message says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.text import Text

from console import terminal
from console.options import Json
from console.reading import Mark, ReadSegment, read_explained
from shared.adapters.iis import answer
from shared.domain.hl7.iis_profiles import CTWIZ, PROFILES, IisProfile
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.explain_messages import ExplainedMessage, explain_messages

_STANDARD_INPUT: Final = "-"
_MOST: Final = 16 * 1024 * 1024
"""Bytes of a file that are read."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("explain")(explain)


def explain(
    what: Annotated[
        str, typer.Argument(metavar="CODE|FILE|-", help="a code, a cause such as '103 PID-8', or a file of messages")
    ],
    vxu: Annotated[Path | None, typer.Option(help="with an ACK: the file of the VXU that it answers")] = None,
    profile: Annotated[str, typer.Option(help="how the IIS answers: iis.profile of clinics.toml")] = CTWIZ.name,
    json: Json = False,
) -> None:
    """Says what a code means, how to fix it and who can; or what an ACK, RSP, QBP or VXU says.

    A file may hold one message or many, also within SOAP; `-` is standard input. An ACK's errors name doses where its
    VXU is in the same file or in --vxu.

    Example: vaxline explain LOT-MISSING
    """
    iis = PROFILES.get(profile)
    if iis is None:
        raise typer.BadParameter(f"there is no profile {profile!r}; there are {', '.join(sorted(PROFILES))}")
    if what == _STANDARD_INPUT or Path(what).is_file():
        _explain_file(what, vxu, iis, as_json=json)
    else:
        _explain_code(what.upper(), as_json=json)


def _explain_code(code: str, *, as_json: bool) -> None:
    explained = explanation(code)
    if explained is None:
        terminal.print_error(
            f"{code} is neither a code of vaxline, nor one that an IIS answers with, nor the name of a file"
        )
        raise typer.Exit(1)
    terminal.print_result(
        {"code": code, "words": explained.words, "fix": explained.fix, "who": explained.who},
        f"{explained.words}\nFix: {explained.fix}\nWho: {explained.who}",
        as_json=as_json,
    )


# messages -------------------------------------------------------------------------------------------------------------


def _explain_file(name: str, vxu: Path | None, profile: IisProfile, *, as_json: bool) -> None:
    text, fault = _read(name)
    messages = explain_messages(text, profile, _read(str(vxu))[0] if vxu is not None else "")
    decoded = [(one, *read_explained(one)) for one in messages]
    if as_json:
        terminal.print_json([_as_json(*one) for one in decoded])
    else:
        for one in decoded:
            _print_message(*one)
    if fault:
        about = explanation(fault) or UNEXPLAINED
        terminal.print_error(f"SOAP: {fault}. {about.words} {about.fix}")
    if not messages:
        terminal.print_error(f"{name} holds no HL7 message")
        raise typer.Exit(1)


def _read(name: str) -> tuple[str, str]:
    """Return the text of a file or of standard input, and the fault where it is a SOAP answer without an HL7 one."""
    try:
        content = sys.stdin.buffer.read(_MOST + 1) if name == _STANDARD_INPUT else Path(name).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{name} cannot be read: {error.strerror}") from None
    if len(content) > _MOST:
        raise typer.BadParameter(f"{name} is larger than {_MOST // 2**20} MiB")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        reading = answer.read(200, content)
        if reading.code != "NOT-SOAP":
            return reading.text or reading.embedded, reading.code
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), ""


def _as_json(explained: ExplainedMessage, segments: Sequence[ReadSegment], loose: Sequence[Mark]) -> dict[str, Any]:
    msh = explained.message.first("MSH")
    facts = {
        name: getattr(explained, name)
        for name in ("kind", "result", "words", "fix", "answers", "msa_1", "msa_3", "causes", "counts")
    }
    facts |= {"msh_10": msh.value(10), "message_type": msh.value(9), "profile": msh.text(21)}
    content: dict[str, Any] = msgspec.to_builtins(facts | {"segments": segments, "objections": loose})
    return content


def _print_message(explained: ExplainedMessage, segments: Sequence[ReadSegment], loose: Sequence[Mark]) -> None:
    msh = explained.message.first("MSH")
    terminal.out.rule(" ".join(filter(None, (explained.kind, msh.text(21), msh.value(10)))))
    if explained.result:
        answers = f" (MSA-1 {explained.msa_1 or '-'}, to {explained.answers or 'no message that it names'})"
        terminal.out.print(Text.assemble((explained.result, "bold reverse"), answers))
    if explained.words:
        terminal.print_text(f"  {explained.words} {explained.fix}".rstrip())
    facts = (
        ("MSA-3", explained.msa_3),
        ("causes", ", ".join(explained.causes)),
        ("counts", ", ".join(f"{count} {name}" for name, count in explained.counts.items() if count)),
    )
    for name, value in facts:
        if value:
            terminal.print_text(f"  {name}: {value}")
    for mark in loose:
        _print_mark(mark)
    for segment in segments:
        number = f" {segment.number}" if segment.number > 1 else ""
        terminal.out.print(Text.assemble((f"{segment.name}{number}", "bold"), f"  {segment.words}"))
        for mark in segment.marks:
            _print_mark(mark)
        for field in segment.fields:
            terminal.out.print(Text.assemble(f"  {field.place:8}", (f"{field.name}  ", "dim"), field.value))
            for mark in field.marks:
                _print_mark(mark)
    terminal.out.print()


def _print_mark(mark: Mark) -> None:
    terminal.out.print(Text(f"    {mark.severity} {mark.code} {mark.text}"))
    terminal.out.print(Text.assemble("      ", ("Fix: ", "bold"), f"{mark.fix} ({mark.who})"))
