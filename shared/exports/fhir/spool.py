"""The spool of FHIR resources: Immunizations as rows, and the resources that they refer to.

A Patient, Practitioner, … is found by its names: `Type/id`, `Type?system|value`, the fullUrl of its Bundle entry. The
same name may mean another resource in another Bundle, so a name is looked up in its own Bundle (its `scope`) first. A
name that means several people or things outside of their Bundles is no name: nothing is found by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from shared.exports.spool import SpoolDatabase

OLDER: Final = "OLDER"
"""The fault of a row that is an older version of another row."""
DELETED: Final = "DELETED"
"""The fault of a row that deletes an Immunization by its name: `payload` is the newest version of it in the export, or
the name alone if there is none.
"""
_LONGEST_CHAIN: Final = 20
_TABLES: Final = """
CREATE TABLE immunizations (
    patient TEXT, day TEXT, part INTEGER, row INTEGER, fault TEXT, payload BLOB, scope TEXT, identity TEXT,
    is_history INTEGER, version TEXT, newest INTEGER DEFAULT 0
);
CREATE TABLE resources (reference TEXT PRIMARY KEY, mrn TEXT, version TEXT, payload BLOB) WITHOUT ROWID;
CREATE TABLE names (name TEXT PRIMARY KEY, reference TEXT, owner TEXT) WITHOUT ROWID;
CREATE TABLE links (replaced TEXT PRIMARY KEY, survivor TEXT) WITHOUT ROWID;
CREATE TABLE steps (reference TEXT PRIMARY KEY, survivor TEXT) WITHOUT ROWID;
CREATE TABLE survivors (reference TEXT PRIMARY KEY, survivor TEXT) WITHOUT ROWID;

CREATE VIEW located AS
SELECT immunizations.rowid AS id, immunizations.*, coalesce(resources.mrn, '') AS mrn,
    coalesce(resources.reference, '') AS reference, survivors.reference IS NOT NULL AS is_replaced
FROM immunizations
LEFT JOIN names ON names.name = immunizations.patient
LEFT JOIN survivors ON survivors.reference = coalesce(names.reference, immunizations.patient)
LEFT JOIN resources ON resources.reference = coalesce(survivors.survivor, names.reference, immunizations.patient);

CREATE VIEW ids_twice AS
SELECT identity FROM immunizations WHERE identity <> '' GROUP BY identity HAVING count(*) > 1;
"""
_INSERT_ROW: Final = """
INSERT INTO immunizations (patient, day, part, row, fault, payload, scope, identity, is_history, version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# The newest version of a resource counts, of equal versions the later one. Where two of equal version have different
# record numbers, nobody can tell which patient the reference means.
_INSERT_RESOURCE: Final = """
INSERT INTO resources VALUES (?, ?, ?, ?) ON CONFLICT (reference) DO UPDATE SET
    mrn = iif(excluded.version = resources.version AND excluded.mrn <> resources.mrn, '', excluded.mrn),
    version = excluded.version, payload = excluded.payload
WHERE excluded.version >= resources.version
"""
_INSERT_NAME: Final = """
INSERT INTO names VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET
    reference = iif(excluded.owner = names.owner, excluded.reference, ''),
    owner = iif(excluded.owner = names.owner, names.owner, char(0))
"""
_INSERT_LINK: Final = "INSERT OR REPLACE INTO links VALUES (?, ?)"
_STEPS: Final = """
INSERT OR REPLACE INTO steps
SELECT coalesce(replaced.reference, links.replaced), coalesce(named.reference, resources.reference, '')
FROM links
LEFT JOIN names AS replaced ON replaced.name = links.replaced
LEFT JOIN names AS named ON named.name = links.survivor
LEFT JOIN resources ON resources.reference = links.survivor
"""
# A chain that does not end is a circle: it has no survivor.
_SURVIVORS: Final = """
WITH RECURSIVE chain (reference, survivor, length) AS (
    SELECT reference, survivor, 1 FROM steps
    UNION ALL
    SELECT chain.reference, steps.survivor, length + 1
    FROM chain JOIN steps ON steps.reference = chain.survivor
    WHERE length < :longest
)
INSERT INTO survivors
SELECT reference, iif(max(length) = :longest, '', survivor) FROM chain GROUP BY reference
"""
# Two rows are versions of one Immunization if they have its id and are of one patient: exports that were put together
# by hand give the same ids to several people's doses. In the history of a server the id is enough.
_VERSIONS: Final = """
CREATE TEMP TABLE versions AS
SELECT id, first_value(id) OVER version AS newest, row_number() OVER version AS age
FROM located
WHERE identity IN (SELECT identity FROM ids_twice)
WINDOW version AS (
    PARTITION BY identity, is_history, iif(is_history, '', coalesce(nullif(mrn, ''), patient))
    ORDER BY version DESC, id DESC
)
"""
_GIVE_CONTENT_TO_DELETED: Final = """
UPDATE immunizations SET patient = found.patient, day = found.day, payload = found.payload, scope = found.scope
FROM (
    SELECT versions.newest, patient, day, payload, scope, min(age)
    FROM versions JOIN immunizations AS older ON older.rowid = versions.id
    WHERE fault = '' AND versions.id <> versions.newest
    GROUP BY versions.newest
) AS found
WHERE immunizations.rowid = found.newest AND immunizations.fault = :deleted
"""
_MARK_OLDER: Final = """
UPDATE immunizations
SET fault = :older, newest = found.newest, patient = found.patient, day = found.day, payload = ''
FROM (
    SELECT versions.id, versions.newest, newest.patient, newest.day
    FROM versions JOIN immunizations AS newest ON newest.rowid = versions.newest
    WHERE versions.id <> versions.newest
) AS found
WHERE immunizations.rowid = found.id
"""
_ROWS: Final = """
SELECT mrn, day, reference, is_replaced, part, row, fault, payload, scope, id, newest
FROM located ORDER BY mrn, day, fault = :older DESC, id
"""


class NewRow(NamedTuple):
    """An Immunization as it is added.

    Attributes:
        patient: A name of its Patient.
        day: The day of the dose, `YYYYMMDD`; empty if it cannot be read.
        part: The index of its file in the set.
        row: Its number in the file, from 1.
        fault: The code of a finding made while it was read, and a reason behind a space; empty if there is none.
        payload: The resource as JSON.
        scope: The Bundle in which its references are looked up first; empty outside of Bundles.
        identity: Its `Type/id`; empty if it has no id.
        is_history: It is of a history of a server, in which an id means one resource.
        version: A text that is greater for a newer version; empty if the resource does not say it.
    """

    patient: str
    day: str
    part: int
    row: int
    fault: str
    payload: bytes
    scope: str = ""
    identity: str = ""
    is_history: bool = False
    version: str = ""


class StoredRow(NamedTuple):
    """An Immunization as it is read back.

    Attributes:
        mrn: The record number of its patient; empty if the Patient is not found or has none.
        day: The day of the dose; of an older version, that of the newest one.
        patient: The reference of its Patient resource; empty if that is not found.
        is_replaced: Its Patient was merged into another one, who is `patient`.
        number: The number of the row in the spool.
        newest: The number of the newest version, if this is an older one (`OLDER`); else 0.
    """

    mrn: str
    day: str
    patient: str
    is_replaced: bool
    part: int
    row: int
    fault: str
    payload: bytes
    scope: str
    number: int
    newest: int


class ResourceSpool(SpoolDatabase):
    """First add all resources, then read the rows back in order."""

    TABLES = _TABLES
    INSERTS = (_INSERT_ROW, _INSERT_RESOURCE, _INSERT_NAME, _INSERT_LINK)

    def add(self, row: NewRow) -> None:
        """Add an Immunization."""
        self._waiting[0].append(row)
        self._count(row.payload)

    def add_resource(
        self, reference: str, payload: bytes, names: Iterable[str], *, mrn: str = "", owner: str = "", version: str = ""
    ) -> None:
        """Add another resource. It replaces one of the same reference that is not newer.

        Args:
            reference: Its own name, unique in the export.
            payload: The resource as JSON.
            names: Its other names.
            mrn: The record number of a Patient.
            owner: What tells whether two resources of one name are the same: the record number of a Patient, else the
                type and id.
            version: A text that is greater for a newer version.
        """
        self._waiting[1].append((reference, mrn, version, payload))
        self._waiting[2].extend((name, reference, owner) for name in names)
        self._count(payload)

    def add_link(self, replaced: str, survivor: str) -> None:
        """Add that a Patient was merged into another one; both are given by a name or reference."""
        self._waiting[3].append((replaced, survivor))

    def resource(self, name: str, scope: str = "") -> bytes | None:
        """Return the resource of a name. To be called after the last resource was added and rows are read."""
        for candidate in (f"{scope} {name}", name) if scope else (name,):
            found = self._database.execute(
                "SELECT payload FROM resources"
                " WHERE reference = coalesce((SELECT reference FROM names WHERE name = ?), ?)",
                (candidate, candidate),
            ).fetchone()
            if found:
                return bytes(found[0])
        return None

    def rows(self) -> Iterator[StoredRow]:
        """Return the rows by record number and day; older versions stand before the newest one, with its day."""
        self._flush()
        names = {"older": OLDER, "deleted": DELETED, "longest": _LONGEST_CHAIN}
        if self._has("SELECT 1 FROM links LIMIT 1"):
            self._database.execute(_STEPS)
            self._database.execute(_SURVIVORS, names)
        if self._has("SELECT 1 FROM ids_twice LIMIT 1"):
            for statement in (_VERSIONS, _GIVE_CONTENT_TO_DELETED, _MARK_OLDER):
                self._database.execute(statement, names)
        return map(StoredRow._make, self._database.execute(_ROWS, names))

    def _has(self, query: str) -> bool:
        return self._database.execute(query).fetchone() is not None
