"""The messages that real exports become, judged by NIST's profile: the demo's files of every layout, and bulk exports."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from local import demo_exports as demo
from shared.adapters.configuration.reader import parse_configuration
from shared.adapters.files import LocalObjects
from shared.domain.clinics import Configuration
from shared.domain.codes import cdc
from shared.exports.readers import READERS
from shared.usecases.intake.export_sets import ExportSet, exports_in
from shared.usecases.prepare import prepare
from tests import places
from tests.places import SHARED

DEMO = places.CLINICS.read_text("utf-8")
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    parsed = parse_configuration(DEMO)
    assert isinstance(parsed, Configuration)
    return parsed


def messages(sets: tuple[ExportSet, ...] | str, configuration: Configuration) -> Iterator[str]:
    """What would be sent of the exports."""
    assert not isinstance(sets, str), sets
    for export in sets:
        for visit in READERS[export.source.format].read(export.parts, export.source, LocalObjects()):
            clinic = configuration.clinic_for(export.source, visit.clinic)
            prepared = prepare(
                visit, msh_10="EXAMPLE0000000000001", clinic=clinic, configuration=configuration, now=NOW
            )
            if not prepared.is_held:
                yield prepared.vxu


@pytest.mark.slow
def test_nist_finds_no_error_in_what_the_demo_sends(z22, configuration, tmp_path):
    demo.generate(tmp_path, today=date(2026, 11, 2), doses=120)
    built = list(messages(exports_in([tmp_path.as_posix()], configuration, LocalObjects()), configuration))
    assert len(built) > 50
    assert [error for one in built for error in errors(z22, one)] == []


@pytest.mark.slow
def test_nist_finds_no_error_in_what_a_bulk_export_becomes(z22, configuration):
    folder = SHARED / "samples" / "fhir-bulk-10"
    if not folder.is_dir():
        pytest.skip(f"the bulk export is not here ({folder.name}); set VAXLINE_SHARED to the folder that has samples/")
    sets = exports_in([folder.as_posix()], configuration, LocalObjects(), "yours-fhir")
    built = list(messages(sets, configuration))
    assert len(built) > 50
    assert [error for one in built for error in errors(z22, one)] == []


def errors(z22, message):
    found = [finding for finding in z22.check(message) if finding.severity == "error"]
    return [finding for finding in found if not is_a_newer_vaccine(finding)]


def is_a_newer_vaccine(finding):
    """The profile's value sets end in 2016; what CDC has listed since is no error."""
    code = finding.text.split("'")[1] if finding.rule == "code" and "'" in finding.text else ""
    return "-5[1]" in finding.path and cdc.cvx(code) is not None
