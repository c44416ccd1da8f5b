"""Worklist: what needs a person, by cause."""

from __future__ import annotations

from console.web.parts import Cell, Link, address, card, empty, loading, table, text
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.usecases.correction.file_problems import file_groups
from shared.usecases.correction.worklist import Group, groups


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """Draw the page, for all clinics or for one."""
    async with loading():
        waiting = await session.run(lambda application: _waiting(application, clinic))
        await session.record("worklist", [clinic or "all clinics"])
        if clinic:
            text(f"Only clinic {clinic}.", "p", "dim")
        if not waiting:
            with card():
                empty("Nothing needs a person.", "NotResubmitted and held submissions appear here.")
            return
        submissions = len({msh_10 for group in waiting for msh_10 in group.msh_10s})
        text(
            f"{submissions:,} submissions and {sum(len(group.files) for group in waiting):,} files wait, for "
            f"{len(waiting)} causes. One remedy corrects all submissions of one cause.",
            "p",
            "dim",
        )
        with card():
            table(
                ("cause", "clinic", "submissions", "rows", "oldest (UTC)", "what is wrong", "what to do", "who"),
                map(_cells, waiting),
                label="Causes",
            )


def _waiting(application: Application, clinic: str) -> tuple[Group, ...]:
    ledger = application.ledger
    return (
        *file_groups(ledger.files, application.configurations.current(), clinic),
        *groups(ledger.submissions, ledger.worklist, clinic),
    )


def _cells(group: Group) -> tuple[Cell, ...]:
    explained = group.explained
    page = address("files", group.files[0][0]) if group.files else address("worklist", group.cause, clinic=group.clinic)
    return (
        Link(group.cause, page),
        group.clinic,
        group.submissions,
        group.rows,
        f"{group.oldest:%m-%d %H:%M}",
        explained.words if explained else "",
        explained.fix if explained else "",
        explained.who if explained else "",
    )
