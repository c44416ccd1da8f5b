"""Reading CDC's files: the forms that they come in, and what is said about those that are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters import cdc_files
from shared.adapters.cdc_files import LAYOUTS, read
from shared.domain.codes.cdc.build import RECIPES, Sheet
from tests.places import SHARED

CODESETS = SHARED / "data" / "codesets"

ROW = {
    "code": "776",
    "name": "synthetic vaccine",
    "full_name": "a synthetic vaccine, for tests",
    "status": "Active",
    "not_a_vaccine": "0",
    "updated": "20250102",
}
TAGS = """<?xml version="1.0" encoding="ISO-8859-1"?>
<CVXCodes>
  <CVXInfo>
    <ShortDescription>synthetic vaccine</ShortDescription>
    <FullVaccinename>a synthetic vaccine, for tests</FullVaccinename>
    <CVXCode>776       </CVXCode>
    <Notes/>
    <Status>Active</Status>
    <NonVaccine>False</NonVaccine>
    <LastUpdated>1/2/2025</LastUpdated>
  </CVXInfo>
</CVXCodes>
"""
PAIRS = """<CVXCodes><CVXInfo>
  <Name>Last Updated</Name><Value>1/2/2025 12:00:00 AM</Value>
  <Name>CVX Code</Name><Value>776  </Value>
  <Name>nonvaccine</Name><Value>False</Value>
  <Name>Status</Name><Value>Active</Value>
  <Name>Full Vaccine Name</Name><Value>a synthetic vaccine, for tests</Value>
  <Name>Short Description</Name><Value>synthetic vaccine</Value>
</CVXInfo></CVXCodes>"""
PIPES = "776       |synthetic vaccine|a synthetic vaccine, for tests||Active|False|2025/01/02\r\n"
TABS = (
    "LastUpdated\tStatus\tCVX Code\tSomething new\tShort Description\tFull Vaccine name\tnonvaccine\n"
    '2025-01-02 00:00:00\tactive\t776\t"\tsynthetic vaccine\ta synthetic vaccine, for tests\tfalse\n'
)
COMMAS = (
    "CVX Code,CVX Short Description,Full Vaccine Name,Note,VaccineStatus,nonvaccine,update_date\n"
    '776,synthetic vaccine,"a synthetic vaccine, for tests",,Active,0,20250102\n'
)


def written(tmp_path: Path, content: str | bytes, name: str = "given.file") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content", [TAGS, PAIRS, PIPES, TABS, COMMAS], ids=["tags", "pairs", "pipes", "tabs", "commas"]
)
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n\r\n"])
def test_every_form_of_one_file_says_the_same(tmp_path, content, before):
    sheet = read("cvx", written(tmp_path, before + content.encode()))
    assert isinstance(sheet, Sheet)
    assert [dict(record.values) for record in sheet.records] == [ROW]


def test_letters_outside_utf_8_are_read_as_windows_wrote_them(tmp_path):
    sheet = read("mvx", written(tmp_path, "ZZZ|Société synthétique||Active|2025-01-02".encode("cp1252")))
    assert isinstance(sheet, Sheet)
    assert sheet.records[0]["name"] == "Société synthétique"


def test_addresses_are_read_from_the_link(tmp_path):
    content = """<VISURL xmlns:xlink="http://www.w3.org/1999/xlink"><VISURLInfo>
      <VIS_GDTI_document_Conceptcode>0886983099999</VIS_GDTI_document_Conceptcode>
      <VIS_PDF_URL xlink:type="simple" xlink:href="https://www.example.org/a.pdf"/>
    </VISURLInfo></VISURL>"""
    sheet = read("vis-url", written(tmp_path, content))
    assert isinstance(sheet, Sheet)
    assert dict(sheet.records[0].values) == {
        "document_type": "0886983099999",
        "pdf": "https://www.example.org/a.pdf",
        "html": "",
    }


def test_no_description_of_a_cpt_is_read(tmp_path):
    content = "90001     |words of the AMA||synthetic|776  ||2025/01/02|1\r\n90002|more words||none|||2025/01/02|2\r\n"
    sheet = read("cpt", written(tmp_path, content))
    assert isinstance(sheet, Sheet)
    assert [dict(record.values) for record in sheet.records] == [
        {"code": "90001", "cvx": "776", "updated": "20250102"},
        {"code": "90002", "cvx": "", "updated": "20250102"},
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PIPES.replace("776 ", "77x "), "given.file, row 1, field code: '77x' is not what belongs there"),
        (PIPES.replace("Active", "Lively"), "given.file, row 1, field status: 'Lively' is not what belongs there"),
        (PIPES.replace("2025/01/02", "2025/02/30"), "given.file, row 1, field updated: '2025/02/30' is not what"),
        (PIPES + PIPES.replace("synthetic vaccine", " ", 1), "given.file, row 2, field name: is missing"),
        (PIPES.partition("||")[0], "given.file, row 1, field status: is missing"),
        (TABS.replace("Status", "Mood"), "given.file: has no column for status"),
        (TAGS.replace("<Status>Active</Status>", ""), "given.file, row 1, field status: is missing"),
        (TAGS[:-20], "given.file: is not well-formed XML"),
        ("<!DOCTYPE html><html><body>Sorry</body></html>", "given.file: declares a document type"),
        ("<html><head/><body>Sorry</body></html>", "given.file: is XML, but not of CVX codes"),
        ("<CVXCodes/>", "given.file: holds no records of CVX codes"),
        ("", "given.file: is neither XML nor separated text"),
        ("Not found\n", "given.file: is neither XML nor separated text"),
        (TABS.splitlines()[0], "given.file: holds no records of CVX codes"),
    ],
)
def test_what_does_not_fit_is_said_by_file_row_and_field(tmp_path, content, said):
    problems = read("cvx", written(tmp_path, content))
    assert not isinstance(problems, Sheet)
    assert any(said in str(problem) for problem in problems), [str(problem) for problem in problems]


def test_every_problem_of_a_file_is_said_at_once(tmp_path):
    problems = read(
        "cvx", written(tmp_path, PIPES.replace("776", "x").replace("Active", "y") + PIPES.replace("776", "z"))
    )
    assert not isinstance(problems, Sheet)
    assert [(problem.row, problem.field) for problem in problems] == [(1, "code"), (1, "status"), (2, "code")]


def test_entities_and_other_files_are_not_followed(tmp_path):
    secret = written(tmp_path, "a secret", "secret.txt")
    content = TAGS.replace(
        "<CVXCodes>", f'<!DOCTYPE CVXCodes [<!ENTITY x SYSTEM "{secret.as_uri()}">]><CVXCodes>', 1
    ).replace("synthetic vaccine<", "&x;<")
    problems = read("cvx", written(tmp_path, content))
    assert not isinstance(problems, Sheet)
    assert "secret" not in str(problems[0])


def test_a_file_of_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    (problem,) = read("cvx", path)
    assert "larger than 64 MiB" in str(problem)


@given(st.sampled_from(sorted(LAYOUTS)), st.binary(max_size=200))
def test_no_bytes_make_a_reader_fail(tmp_path_factory, kind, content):
    path = tmp_path_factory.mktemp("any") / "given.file"
    path.write_bytes(content)
    result = read(kind, path)
    assert isinstance(result, Sheet) or result


@pytest.mark.parametrize("kind", sorted(LAYOUTS))
def test_a_layout_orders_its_own_fields_and_is_used_by_a_table(kind):
    layout = LAYOUTS[kind]
    assert set(filter(None, layout.order)) == {field.name for field in layout.fields}
    assert any(kind in recipe.inputs for recipe in RECIPES.values())


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        ("7/4/2011", "20110704"),
        ("2011-07-04", "20110704"),
        ("2011/07/04", "20110704"),
        ("20110704", "20110704"),
        ("2011-07-04 00:00:00", "20110704"),
        ("7/4/2011 12:00:00 AM", "20110704"),
        ("2011-07/04", None),
        ("13/1/2011", None),
        ("July 4, 2011", None),
        ("0/0/0000", None),
    ],
)
def test_dates_of_cdc_are_read_in_each_of_its_forms(raw, day):
    assert cdc_files._date(raw) == day


FLAT = {
    "cvx": ("cvx.xml", "cvx.tsv"),
    "mvx": ("mvx.xml", "mvx.tsv"),
    "tradename": ("tradename.xml", "tradename.tsv"),
    "groups": ("vac2vg.xml", "cvx_group.tsv"),
    "vis": ("vis.xml", "vis.tsv"),
    "cvx-vis": ("cvxvis.xml", "cvx_vis.tsv"),
    "ndc-use": ("NDC_Unit_use.txt", "ndc_unit_of_use.tsv"),
    "ndc-sale": ("NDC_Unit_sale.txt", "ndc_unit_of_sale.tsv"),
    "ndc-linker": ("NDC_Linker.txt", "ndc_linker.tsv"),
}


@pytest.mark.skipif(not CODESETS.is_dir(), reason="CDC's files are not here; set VAXLINE_SHARED to their folder")
@pytest.mark.parametrize("kind", FLAT)
def test_a_flat_copy_with_names_says_what_cdcs_own_file_says(kind):
    served, flat = FLAT[kind]
    ours, copy = read(kind, CODESETS / served), read(kind, CODESETS / "tsv" / flat)
    assert isinstance(ours, Sheet)
    assert isinstance(copy, Sheet)
    assert [record.values for record in ours.records] == [record.values for record in copy.records]
