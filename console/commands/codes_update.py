"""Build the code tables of the package from CDC's published files, and say what changed.

Nothing is written unless all given files are valid and all built tables are plausible. The tables in the package are
only ever written here. CPT is copyright of the AMA, so its table is written only outside the package.
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
"""The folder of the tables in the package."""

_DEPLOYED: Final = PACKAGE.parents[3]
_MAX_LOSS: Final = 0.1
"""Fraction of a table's rows that an update may remove. CDC keeps the rows of retired codes, so a table that shrinks
was probably cut off in the download."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """The change of one table: its date, its number of rows, and the keys of rows added, removed and changed."""

    table: str
    date: str
    rows: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """A completed update: the folder of the tables, what changed, and flaws in CDC's own data."""

    folder: Path
    changes: tuple[TableChange, ...]
    notes: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class NotUpdated:
    """Nothing was written, for these reasons."""

    problems: tuple[Problem, ...]


def update_tables(
    files: Mapping[str, Path], out: Path | None = None, *, allow_shrink: bool = False
) -> Updated | NotUpdated:
    """Rebuild every table whose input files are given; keep the others.

    Args:
        files: CDC's files by the names of the command's options: `cvx`, `mvx`, `ndc-use`, `ndc-sale`, `ndc-linker`,
            `tradename`, `vis`, `cvx-vis`, `vis-url`, `groups`, `cpt`.
        out: the folder for the tables; None for the package itself.
        allow_shrink: accept a table that loses more than a tenth of its rows.

    Raises:
        OSError: a file cannot be read, or the folder cannot be written.
    """
    folder = out if out is not None else PACKAGE
    problems = list(_call_problems(files, folder))
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
    before = {name: _existing_table(name, folder) for name in RECIPES}
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
        problems += _shrunken_tables(changes, before)
    if problems:
        return NotUpdated(tuple(problems))
    _write(built, folder)
    return Updated(folder, changes, tuple(notes))


def describe_update(result: Updated | NotUpdated, limit: int = 12) -> Iterator[str]:
    """Yield one line per table, then its added, removed and changed codes (the first `limit` of each)."""
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
        summary = ", ".join(counts) or "no change"
        yield f"{change.table}: {change.rows} rows, date {change.date or 'not stated'}, {summary}"
        for sign, codes in (("+", change.added), ("-", change.removed), ("~", change.changed)):
            yield from (f"  {sign} {code}" for code in codes[:limit])
            if len(codes) > limit:
                yield f"  {sign} … and {len(codes) - limit} more"
    for note in result.notes:
        yield f"note: {note}"
    yield f"Tables are in {result.folder}"


def cpt_map_lines(table: str, source: str) -> Iterator[str]:
    """Yield the section of clinics.toml that maps a source's CPT codes.

    A CPT code that stands for several CVX codes is written as a comment that lists them.

    Args:
        table: the text of the user's own `cpt.tsv`.
        source: the source's name.

    Raises:
        BrokenTableError: the text is no CPT table.
    """
    yield f"[sources.{source}.codes.vaccine]"
    for code, cvx in cdc.cpt_map(table).items():
        yield f'"{code}" = "{cvx[0]}"' if len(cvx) == 1 else f'# "{code}" = one of {", ".join(cvx)}'


def _call_problems(files: Mapping[str, Path], folder: Path) -> Iterator[Problem]:
    if not files:
        yield Problem("codes update", 0, "", "name at least one of CDC's files")
    for kind in files:
        if kind not in cdc_files.LAYOUTS:
            yield Problem("codes update", 0, kind, "is no file that tables are built from")
    for recipe in RECIPES.values():
        given = [kind for kind in recipe.inputs if kind in files]
        if given and len(given) < len(recipe.inputs):
            missing = ", ".join(f"--{kind}" for kind in recipe.inputs if kind not in files)
            yield Problem("codes update", 0, "", f"--{given[0]} also needs {missing}")
    if "cpt" in files and folder.resolve().is_relative_to(_DEPLOYED.resolve()):
        text = "CPT is copyright of the AMA and stays out of the package: name a folder of your own with --out"
        yield Problem("codes update", 0, "cpt", text)


def _existing_table(name: str, folder: Path) -> Table | None:
    """Return the table that an update replaces: the folder's, else the package's."""
    for path in (folder / f"{name}.tsv", PACKAGE / f"{name}.tsv"):
        if path.is_file():
            try:
                return compact.decode(name, path.read_text("utf-8"))
            except compact.BrokenTableError:
                continue  # an unreadable table is replaced
    return None


def _change(before: Table | None, after: Table) -> TableChange:
    old, new = before.by_key() if before is not None else {}, after.by_key()
    return TableChange(
        after.name,
        after.date,
        len(after.rows),
        added=tuple(" ".join(key) for key in new if key not in old),
        removed=tuple(" ".join(key) for key in old if key not in new),
        changed=tuple(" ".join(key) for key, row in new.items() if key in old and old[key] != row),
    )


def _shrunken_tables(changes: tuple[TableChange, ...], before: Mapping[str, Table | None]) -> Iterator[Problem]:
    for change in changes:
        table = before[change.table]
        if table is not None and len(change.removed) > _MAX_LOSS * len(table.rows):
            loss = f"would lose {len(change.removed)} of {len(table.rows)} rows: a download cut off? (--allow-shrink)"
            yield Problem(f"table {change.table}", 0, "", loss)


def _write(built: list[Table], folder: Path) -> None:
    """Write all tables, then replace the old ones, so that a full disk leaves the old ones in place."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [(folder / f"{table.name}.tsv.new", table) for table in built]
    for path, table in written:
        path.write_text(compact.encode(table), "utf-8", newline="\n")
    for path, table in written:
        path.replace(folder / f"{table.name}.tsv")
