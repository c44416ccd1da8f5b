"""CDC's code sets: vaccines (CVX), manufacturers (MVX), products, packages (NDC), vaccine groups and statements (VIS).

The tables lie in the package as compact text and are read at first use, each alone. `vaxline codes update` rebuilds
them from the files that CDC publishes. Look-ups take what an EHR writes (`8`, `08`, `skb`, ten-digit NDCs) and answer
None for what the tables do not know. Sources: CDC, IIS code sets, public domain; docs/codesets.md has the details.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import Final

from shared.domain.codes.cdc import compact, ndc_form
from shared.domain.codes.cdc.rows import Cvx, Group, Kind, Mvx, Ndc, Product, Status, TableInfo, Vis

__all__ = [
    "Cvx",
    "Group",
    "Kind",
    "Mvx",
    "Ndc",
    "Product",
    "Status",
    "TableInfo",
    "Vis",
    "cpt_map",
    "cvx",
    "groups",
    "makers",
    "mvx",
    "ndc",
    "ndc_11",
    "product",
    "products",
    "tables",
    "vis",
    "vis_for",
    "vis_of",
    "vis_url",
]

NO_VACCINE: Final = "998"
"""CVX of a message part that tells of no vaccination (a forecast, an immunity)."""
UNKNOWN_VACCINE: Final = "999"
_STATUS: Final = {str(status): status for status in Status}
_KIND: Final = {str(kind): kind for kind in Kind}


# Look-ups -------------------------------------------------------------------------------------------------------------


def cvx(code: str) -> Cvx | None:
    """The vaccine of a CVX code, however it is zero-filled."""
    known = _cvx()
    found = known.get(code)
    return found if found is not None else known.get(_cvx_form(code))


def mvx(code: str) -> Mvx | None:
    """The manufacturer of an MVX code, in any case."""
    known = _mvx()
    found = known.get(code)
    return found if found is not None else known.get(code.strip().upper())


def cvx_codes() -> tuple[str, ...]:
    """Every CVX code of CDC's table."""
    return tuple(_cvx())


def mvx_codes() -> tuple[str, ...]:
    """Every MVX code of CDC's table."""
    return tuple(_mvx())


def ndc(raw: str) -> Ndc | None:
    """The package of an NDC in any spelling; None where CDC does not list it, or ten digits fit two packages."""
    known = _ndc()
    found = known.get(raw)
    if found is not None:
        return found
    hits = [known[form] for form in ndc_form.readings(raw) if form in known]
    return hits[0] if len(hits) == 1 else None


def ndc_11(raw: str) -> str | None:
    """The 11-digit form, 5-4-2 with hyphens, where the spelling states it or one known package fits; else None."""
    certain = ndc_form.stated(raw)
    if certain is not None:
        return certain
    found = ndc(raw)
    return found.code if found is not None else None


def products(cvx: str, mvx: str) -> tuple[Product, ...]:
    """All trade names of a vaccine from a manufacturer: active ones first, then the latest changed."""
    return _products().get((_cvx_form(cvx), mvx.strip().upper()), ())


def product(cvx: str, mvx: str) -> Product | None:
    """The trade name of a vaccine from a manufacturer, the first of `products`."""
    return next(iter(products(cvx, mvx)), None)


def makers(cvx: str) -> frozenset[str]:
    """The MVX codes that CDC links with a vaccine by product or NDC; empty where it names none or not all."""
    return _makers().get(_cvx_form(cvx), frozenset())


def groups(cvx: str) -> tuple[Group, ...]:
    """The vaccine groups that a vaccine counts for (a combination counts for several); none for what is no vaccine."""
    return _groups().get(_cvx_form(cvx), ())


def vis(document: str) -> Vis | None:
    """The statement of a 24-character document type string."""
    return _vis().get(document.strip())


def vis_of(cvx: str) -> tuple[Vis, ...]:
    """Every edition that belongs to a vaccine, the newest first; for a group's CVX those of its single vaccines."""
    return _vis_of().get(_cvx_form(cvx), ())


def vis_for(cvx: str, edition: str) -> tuple[Vis, ...]:
    """The statements of a vaccine with this edition date (`YYYYMMDD` or `YYYY-MM-DD`).

    A combination vaccine has several of one date. A statement for one vaccine comes before one for many.
    """
    day = edition.strip().replace("-", "")
    return tuple(entry for entry in vis_of(cvx) if entry.edition == day)


def vis_url(document: str) -> str:
    """Where CDC shows the current edition of a statement; empty where it has no page."""
    found = vis(document)
    return _vis_url().get(found.document_type, "") if found is not None else ""


def tables() -> tuple[TableInfo, ...]:
    """The tables in the package, each with the date that it states."""
    kept = map(_kept, compact.SHIPPED)
    return tuple(TableInfo(table.name, table.date, len(table.rows), table.form.source) for table in kept)


def cpt_map(text: str) -> dict[str, tuple[str, ...]]:
    """CPT to CVX from the text of a `cpt.tsv` that `vaxline codes update --cpt` wrote of the user's own file.

    Raises:
        BrokenTableError: the text is no such table.
    """
    return {code: tuple(codes.split()) for code, codes in compact.decode("cpt", text).rows}


# Tables, each read once -----------------------------------------------------------------------------------------------


def _cvx_form(code: str) -> str:
    digits = code.strip()
    if len(digits) == 2 or not (digits.isascii() and digits.isdigit()):
        return digits
    return str(int(digits)).zfill(2) if len(digits) <= 4 else digits


def _kept(name: str) -> compact.Table:
    # pkgutil asks the same loader as importlib.resources, which costs more to import than all tables to read.
    content = pkgutil.get_data(__name__, f"data/{name}.tsv")
    if content is None:
        raise compact.BrokenTableError(f"table {name}: this installation cannot read files of the package")
    return compact.decode(name, content.decode("utf-8"))


@cache
def _cvx() -> dict[str, Cvx]:
    return {
        code: Cvx(code, name, _STATUS[status], _KIND[kind], unspecified == "1", updated)
        for code, name, status, kind, unspecified, updated in _kept("cvx").rows
    }


@cache
def _mvx() -> dict[str, Mvx]:
    return {code: Mvx(code, name, _STATUS[status], updated) for code, name, status, updated in _kept("mvx").rows}


@cache
def _ndc() -> dict[str, Ndc]:
    return {
        code: Ndc(
            code,
            tuple(vaccines.split()),
            tuple(manufacturers.split()),
            name,
            "use" in unit,
            "sale" in unit,
            start,
            end,
            tuple(inner.split()),
        )
        for code, vaccines, manufacturers, unit, start, end, name, inner in _kept("ndc").rows
    }


@cache
def _products() -> dict[tuple[str, str], tuple[Product, ...]]:
    found: dict[tuple[str, str], list[Product]] = {}
    for vaccine, manufacturer, name, active, updated in _kept("products").rows:
        entry = Product(vaccine, manufacturer, name, active == "1", updated)
        found.setdefault((vaccine, manufacturer), []).append(entry)
    for entries in found.values():
        entries.sort(key=lambda entry: (entry.active, entry.updated), reverse=True)
    return {key: tuple(entries) for key, entries in found.items()}


@cache
def _makers() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for vaccine, manufacturer in _products():
        found.setdefault(vaccine, set()).add(manufacturer)
    for package in _ndc().values():
        for vaccine in package.cvx:
            found.setdefault(vaccine, set()).update(package.mvx)
    # A product without a manufacturer says that the list is not complete.
    return {vaccine: frozenset(codes) for vaccine, codes in found.items() if "" not in codes}


@cache
def _groups() -> dict[str, tuple[Group, ...]]:
    found: dict[str, tuple[Group, ...]] = {}
    for vaccine, group, name in _kept("groups").rows:
        found[vaccine] = (*found.get(vaccine, ()), Group(group, name))
    return found


@cache
def _vis() -> dict[str, Vis]:
    return {
        document: Vis(document, edition, name, current == "1", updated, tuple(vaccines.split()))
        for document, edition, current, updated, name, vaccines in _kept("vis").rows
    }


@cache
def _vis_of() -> dict[str, tuple[Vis, ...]]:
    found: dict[str, dict[str, Vis]] = {}
    for entry in _vis().values():
        for vaccine in entry.cvx:
            found.setdefault(vaccine, {})[entry.document] = entry
    # OBX 30956-7 names a statement by the group's CVX, which CDC's table of statements does not hold (IG R1.5, Appendix
    # B). Combinations are left out: theirs are statements of other groups too.
    by_group: dict[str, dict[str, Vis]] = {}
    for vaccine, memberships in _groups().items():
        if len(memberships) == 1 and memberships[0].cvx not in found:
            by_group.setdefault(memberships[0].cvx, {}).update(found.get(vaccine, {}))
    return {vaccine: tuple(sorted(of.values(), key=_order)) for vaccine, of in (by_group | found).items() if of}


def _order(entry: Vis) -> tuple[int, bool, int, str]:
    return (-int(entry.edition), entry.name.startswith("Multi"), len(entry.cvx), entry.document)


@cache
def _vis_url() -> dict[str, str]:
    return {document_type: html or pdf for document_type, html, pdf in _kept("vis_url").rows}
