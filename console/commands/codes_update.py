"""What `vaxline codes update` does: code tables out of CDC's published files, and what changed by it.

Nothing is written unless everything fits. The tables in the package are made by this and by nothing else; a table of
CPT, which is copyright of the AMA, is written only outside the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.adapters import cdc_files
from shared.domain.codes import cdc
from shared.domain.codes.cdc import compact
from shared.domain.codes.cdc.build import RECIPES, Problem, Sheet
from shared.domain.codes.cdc.compact import Table

PACKAGE: Final = Path(cdc.__file__).parent / "data"
"""Where the shipped tables lie."""
_DEPLOYED: Final = PACKAGE.parents[3]
# CDC retires codes by their status and keeps their rows, so a table that shrinks was cut off on its way.
_MAY_VANISH: Final = 0.1


@dataclass(frozen=True, slots=True)
class Change:
    """What an update does to one table: its date, its size, and the keys of rows added, removed and changed."""

    table: str
    date: str
    rows: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """A done update: where the tables are, what changed, and flaws of CDC's own data."""

    folder: Path
    changes: tuple[Change, ...]
    notes: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class NotUpdated:
    """Nothing was written, and why."""

    problems: tuple[Problem, ...]


def update(files: Mapping[str, Path], out: Path | None = None, *, allow_shrink: bool = False) -> Updated | NotUpdated:
    """Rebuilds the tables that `files` suffice for; the others stay as they are.

    Args:
        files: CDC's files by the names of the command's options: `cvx`, `mvx`, `ndc-use`, `ndc-sale`, `ndc-linker`,
            `tradename`, `vis`, `cvx-vis`, `vis-url`, `groups`, `cpt`.
        out: the folder for the tables; None for the package itself.
        allow_shrink: accept a table that loses more than a tenth of its rows.

    Raises:
        OSError: a file cannot be read, or the folder cannot be written.
    """
    folder = out if out is not None else PACKAGE
    problems = list(_wrong_call(files, folder))
    if problems:
        return NotUpdated(tuple(problems))
    sheets: dict[str, Sheet] = {}
    for kind, path in files.items():
        read = cdc_files.read(kind, path)
        if isinstance(read, Sheet):
            sheets[kind] = read
        else:
            problems += read
    if problems:
        return NotUpdated(tuple(problems))
    before = {name: _in_force(name, folder) for name in RECIPES}
    dates = {name: table.date for name, table in before.items() if table is not None}
    built: list[Table] = []
    notes: list[Problem] = []
    for name, recipe in RECIPES.items():
        if not all(kind in sheets for kind in recipe.inputs):
            continue
        result = recipe.build(sheets, dates)
        problems += result.problems
        notes += result.notes
        dates[name] = result.table.date
        built.append(result.table)
    changes = tuple(_change(before[table.name], table) for table in built)
    if not allow_shrink:
        problems += _shrunken(changes, before)
    if problems:
        return NotUpdated(tuple(problems))
    _write(built, folder)
    return Updated(folder, changes, tuple(notes))


def lines(result: Updated | NotUpdated, limit: int = 12) -> Iterator[str]:
    """What to print: one line per table, then the codes that came, went and changed (the first `limit` of each)."""
    if isinstance(result, NotUpdated):
        yield from map(str, result.problems)
        yield "Nothing was written."
        return
    for change in result.changes:
        counts = [
            f"{len(codes)} {word}"
            for word, codes in (("added", change.added), ("removed", change.removed), ("changed", change.changed))
            if codes
        ]
        what = ", ".join(counts) or "no change"
        yield f"{change.table}: {change.rows} rows, date {change.date or 'not stated'}, {what}"
        for mark, codes in (("+", change.added), ("-", change.removed), ("~", change.changed)):
            yield from (f"  {mark} {code}" for code in codes[:limit])
            if len(codes) > limit:
                yield f"  {mark} … and {len(codes) - limit} more"
    for note in result.notes:
        yield f"note: {note}"
    yield f"Tables are in {result.folder}"


def map_of_cpt(table: str, source: str) -> Iterator[str]:
    """The lines of clinics.toml by which a source's CPT codes are read, from the text of the user's own `cpt.tsv`.

    A CPT code that stands for several CVX codes decides nothing: its line is a comment that names them.

    Raises:
        BrokenTableError: the text is no such table.
    """
    yield f"[sources.{source}.codes.vaccine]"
    for code, cvx in cdc.cpt_map(table).items():
        yield f'"{code}" = "{cvx[0]}"' if len(cvx) == 1 else f'# "{code}" = one of {", ".join(cvx)}'


def _wrong_call(files: Mapping[str, Path], folder: Path) -> Iterator[Problem]:
    if not files:
        yield Problem("codes update", 0, "", "name at least one of CDC's files")
    for kind in files:
        if kind not in cdc_files.LAYOUTS:
            yield Problem("codes update", 0, kind, "is no file that the tables are built from")
    for recipe in RECIPES.values():
        given = [kind for kind in recipe.inputs if kind in files]
        if given and len(given) < len(recipe.inputs):
            missing = ", ".join(f"--{kind}" for kind in recipe.inputs if kind not in files)
            yield Problem("codes update", 0, "", f"--{given[0]} needs {missing} with it")
    if "cpt" in files and folder.resolve().is_relative_to(_DEPLOYED.resolve()):
        words = "CPT is copyright of the AMA and stays out of the package: name a folder of your own with --out"
        yield Problem("codes update", 0, "cpt", words)


def _in_force(name: str, folder: Path) -> Table | None:
    """The table that an update replaces: the folder's, else the package's."""
    for path in (folder / f"{name}.tsv", PACKAGE / f"{name}.tsv"):
        if path.is_file():
            try:
                return compact.decode(name, path.read_text("utf-8"))
            except compact.BrokenTableError:
                continue  # what cannot be read is replaced, and counts as no table
    return None


def _change(before: Table | None, after: Table) -> Change:
    old, new = before.by_key() if before is not None else {}, after.by_key()
    return Change(
        after.name,
        after.date,
        len(after.rows),
        added=tuple(" ".join(key) for key in new if key not in old),
        removed=tuple(" ".join(key) for key in old if key not in new),
        changed=tuple(" ".join(key) for key, row in new.items() if key in old and old[key] != row),
    )


def _shrunken(changes: tuple[Change, ...], before: Mapping[str, Table | None]) -> Iterator[Problem]:
    for change in changes:
        table = before[change.table]
        if table is not None and len(change.removed) > _MAY_VANISH * len(table.rows):
            words = f"would lose {len(change.removed)} of {len(table.rows)} rows: a download cut off? (--allow-shrink)"
            yield Problem(f"table {change.table}", 0, "", words)


def _write(built: list[Table], folder: Path) -> None:
    """All new tables are on disk before the first replaces an old one."""
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [(folder / f"{table.name}.tsv.new", table) for table in built]
    for new, table in waiting:
        new.write_text(compact.encode(table), "utf-8", newline="\n")
    for new, table in waiting:
        new.replace(folder / f"{table.name}.tsv")
