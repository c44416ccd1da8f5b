"""Checks that the patient and dose numbers of two sources cannot meet at the IIS.

Two EHRs both have a patient 1001 and a dose 1. Under one assigning authority the IIS takes them for one patient and one
dose. The check reads the tables of clinics.toml, so that its errors come together with the other ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Final

from shared.adapters.configuration.schema import did_you_mean
from shared.domain.hl7.iis_profiles import PROFILES
from shared.domain.model import Numbering

Table = Mapping[str, Any]

Problem = tuple[str, object, str, str]
"""The key within `sources`, its value, what is wrong, and what to do."""

_OF_NAMED_SOURCE: Final = ("id_prefix", "authority")


def numbering(name: str, sources: Mapping[str, Table]) -> Numbering:
    """Return the numbering of a source: its own, or that of the source whose numbers it uses."""
    table = sources.get(sources[name].get("numbers_of", ""), sources[name])
    return Numbering(table.get("id_prefix", ""), table.get("authority", ""))


def problems(
    organization: Table, iis: Table, clinics: Mapping[str, Table], sources: Mapping[str, Table]
) -> Iterator[Problem]:
    """Yield what is wrong with `numbers_of`, then each source whose numbers meet those of one before it."""
    wrong = list(_wrong_references(sources))
    yield from wrong
    if wrong:
        return
    by_sender = PROFILES[iis.get("profile", "ctwiz")].files_patients_by_sender
    senders = {name: _senders(table, organization, clinics) for name, table in sources.items()}
    reported: set[str] = set()
    for first, second in combinations(sources, 2):
        spaces = {sources[name].get("numbers_of", name) for name in (first, second)}
        if second in reported or len(spaces) == 1:
            continue
        one, other = numbering(first, sources), numbering(second, sources)
        if one.prefix.casefold() != other.prefix.casefold():
            continue
        authorities = _authorities(one, senders[first]) & _authorities(other, senders[second])
        shared_senders = senders[first] & senders[second] if by_sender else frozenset()
        if authorities or shared_senders:
            reported.add(second)
            yield second, None, _problem(first, authorities, shared_senders), _fix(first, is_by_sender=by_sender)


def _wrong_references(sources: Mapping[str, Table]) -> Iterator[Problem]:
    for name, table in sources.items():
        if "numbers_of" not in table:
            continue
        other = table["numbers_of"]
        key = f"{name}.numbers_of"
        if other not in sources:
            fix = f"Name a source that is there{did_you_mean(other, sources)}"
            yield key, other, "there is no such source", fix
        elif other == name:
            yield key, other, "it is the source itself", "Remove it"
        elif "numbers_of" in sources[other]:
            chain = sources[other]["numbers_of"]
            yield key, other, f"sources.{other} itself uses the numbers of {chain}", f'Write numbers_of = "{chain}"'
        for own in _OF_NAMED_SOURCE:
            if own in table:
                yield f"{name}.{own}", table[own], f"with numbers_of it is that of sources.{other}", "Remove it"


def _senders(source: Table, organization: Table, clinics: Mapping[str, Table]) -> frozenset[str]:
    """The sending facilities of the clinics that a source reports for: of its default clinic, else of all."""
    default = source.get("clinic", "")
    tables = [clinics[default]] if default in clinics else clinics.values()
    codes = (table.get("sending_facility") or organization.get("sending_facility", "") for table in tables)
    return frozenset(filter(None, codes))


def _authorities(of: Numbering, senders: frozenset[str]) -> frozenset[str]:
    return frozenset({of.authority}) if of.authority else senders


def _problem(first: str, authorities: frozenset[str], senders: frozenset[str]) -> str:
    if authorities:
        under = f"it reports under the authority {min(authorities)}, as sources.{first} does"
    else:
        under = (
            f"it sends as {min(senders)} (MSH-4), as sources.{first} does, and this IIS files patients under MSH-4, "
            "whatever their authority"
        )
    return f"{under}: the patient 1001 of one would be the patient 1001 of the other"


def _fix(first: str, *, is_by_sender: bool) -> str:
    more = " (and clinics with another sending_facility: at this IIS an authority alone does not separate them)"
    return (
        "Give one of the two an id_prefix, or an authority of its own"
        f'{more if is_by_sender else ""}, or write numbers_of = "{first}" if both are feeds of one EHR'
    )
