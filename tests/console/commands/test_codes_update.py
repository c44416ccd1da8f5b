"""`vaxline codes update`: tables out of CDC's files, whole or not at all, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.commands import codes_update as codes
from console.main import app
from shared.adapters.configuration.reader import parse_configuration
from shared.domain.clinics import Configuration
from shared.domain.codes import cdc, local
from shared.domain.codes.cdc import compact
from shared.domain.model import Dose, Patient, Visit
from tests.places import ROOT, SHARED

CODESETS = SHARED / "data" / "codesets"
SERVED = {
    "cvx": "cvx.xml",
    "mvx": "mvx.xml",
    "tradename": "tradename.xml",
    "groups": "vac2vg.xml",
    "vis": "vis.xml",
    "cvx-vis": "cvxvis.xml",
    "vis-url": "visurl.xml",
    "ndc-use": "NDC_Unit_use.txt",
    "ndc-sale": "NDC_Unit_sale.txt",
    "ndc-linker": "NDC_Linker.txt",
}
NDC = {
    "ndc-use": "1|99999|001|01|SYNTHETIC|x|Maker|20240101|20250101|VIAL||776|s|False|99999-0001-01|2025-01-02 00:00:00|\n",
    "ndc-sale": "5|99999|001|10|SYNTHETIC|x|Maker|20240101||BOX|IM|2025-01-03 00:00:00|776|s|99999-0001-10|\n"
    "6|99999|002|10|OTHER|x|Maker|20240101|20240201|BOX|IM|2025-01-03 00:00:00|775|s|99999-0002-10|\n"
    "6|99999|002|10|OTHER|x|Maker|20240101|20240201|BOX|IM|2025-01-03 00:00:00|776|s|99999-0002-10|\n",
    "ndc-linker": "1|5|1|ZZZ\n2|6|7|ZZY\n",
}


def files(folder: Path, **contents: str) -> dict[str, Path]:
    made = {}
    for name, content in contents.items():
        kind = name.replace("_", "-")
        made[kind] = folder / f"{kind}.txt"
        made[kind].write_text(content, "utf-8")
    return made


def rows(folder: Path, name: str) -> tuple[tuple[str, ...], ...]:
    return compact.decode(name, (folder / f"{name}.tsv").read_text("utf-8")).rows


@pytest.mark.skipif(not CODESETS.is_dir(), reason="CDC's files are not here; set VAXLINE_SHARED to their folder")
def test_the_shipped_tables_are_what_the_command_makes_of_cdcs_files(tmp_path):
    result = codes.update_tables({kind: CODESETS / name for kind, name in SERVED.items()}, tmp_path)
    assert isinstance(result, codes.Updated)
    assert not any(change.added or change.removed or change.changed for change in result.changes)
    for name in compact.SHIPPED:
        assert (tmp_path / f"{name}.tsv").read_bytes() == (codes.PACKAGE / f"{name}.tsv").read_bytes()


def test_a_second_run_gives_the_same_bytes_and_no_change(tmp_path):
    given = files(tmp_path, cvx="776|synthetic|s|n|Active|False|2025/01/02\n775|other|o||Inactive|True|2024/01/02\n")
    out = tmp_path / "out"
    first = codes.update_tables(given, out, allow_shrink=True)
    assert isinstance(first, codes.Updated)
    assert first.changes[0].added == ("775", "776")
    before = (out / "cvx.tsv").read_bytes()
    second = codes.update_tables(given, out)
    assert isinstance(second, codes.Updated)
    assert (out / "cvx.tsv").read_bytes() == before
    assert list(codes.describe_update(second)) == [
        "cvx: 2 rows, date 20250102, no change",
        f"Tables are in {out}",
    ]
    assert rows(out, "cvx") == (
        ("775", "other", "Inactive", "other", "0", "20240102"),
        ("776", "synthetic", "Active", "vaccine", "0", "20250102"),
    )


def test_the_order_of_rows_in_the_file_does_not_matter(tmp_path):
    lines = [f"{code}|synthetic {code}|s||Active|False|2025/01/02\n" for code in ("776", "9", "100")]
    results = []
    for number, content in enumerate(("".join(lines), "".join(reversed(lines)))):
        out = tmp_path / str(number)
        codes.update_tables(files(tmp_path, cvx=content), out, allow_shrink=True)
        results.append((out / "cvx.tsv").read_bytes())
    assert results[0] == results[1]
    assert [row[0] for row in rows(tmp_path / "0", "cvx")] == ["09", "100", "776"]


def test_what_changed_is_said_code_by_code(tmp_path):
    out = tmp_path / "out"
    many = "".join(f"{code}|synthetic {code}|s||Active|False|2025/01/02\n" for code in range(700, 720))
    codes.update_tables(files(tmp_path, cvx=many), out, allow_shrink=True)
    changed = many.replace("700|synthetic", "720|synthetic").replace("synthetic 705", "renamed")
    result = codes.update_tables(files(tmp_path, cvx=changed), out)
    assert isinstance(result, codes.Updated)
    (change,) = result.changes
    assert (change.added, change.removed, change.changed) == (("720",), ("700",), ("705",))
    assert list(codes.describe_update(result))[:4] == [
        "cvx: 20 rows, date 20250102, 1 added, 1 removed, 1 changed",
        "  + 720",
        "  - 700",
        "  ~ 705",
    ]


def test_packages_are_joined_with_their_makers_and_contents(tmp_path):
    out = tmp_path / "out"
    result = codes.update_tables(
        files(tmp_path, **{k.replace("-", "_"): v for k, v in NDC.items()}), out, allow_shrink=True
    )
    assert isinstance(result, codes.Updated)
    assert rows(out, "ndc") == (
        ("99999-0001-01", "776", "ZZZ", "use", "20240101", "20250101", "SYNTHETIC", ""),
        ("99999-0001-10", "776", "ZZZ", "sale", "20240101", "", "SYNTHETIC", "99999-0001-01"),
        ("99999-0002-10", "775 776", "ZZY", "sale", "20240101", "20240201", "OTHER", ""),
    )
    assert list(map(str, result.notes)) == ["ndc-linker.txt, row 2, field use: no unit of use has the id 7"]


def test_a_file_that_needs_another_is_not_taken_alone(tmp_path):
    result = codes.update_tables(files(tmp_path, ndc_use=NDC["ndc-use"]), tmp_path / "out")
    assert list(codes.describe_update(result)) == [
        "codes update: --ndc-use also needs --ndc-sale, --ndc-linker",
        "Nothing was written.",
    ]


def test_a_table_that_lost_rows_on_its_way_replaces_nothing(tmp_path):
    out = tmp_path / "out"
    result = codes.update_tables(files(tmp_path, cvx="776|synthetic|s||Active|False|2025/01/02\n"), out)
    assert isinstance(result, codes.NotUpdated)
    assert "would lose 288 of 288 rows" in str(result.problems[0])
    assert not out.exists()


def test_one_bad_file_keeps_all_tables_as_they_are(tmp_path):
    out = tmp_path / "out"
    given = files(tmp_path, cvx="776|synthetic|s||Active|False|2025/01/02\n", mvx="ZZZ|Maker||Lively|2025/01/02\n")
    result = codes.update_tables(given, out, allow_shrink=True)
    assert list(codes.describe_update(result)) == [
        "mvx.txt, row 1, field status: 'Lively' is not what belongs there",
        "Nothing was written.",
    ]
    assert not out.exists()


def test_a_code_that_stands_twice_and_differs_is_a_problem(tmp_path):
    twice = "776|synthetic|s||Active|False|2025/01/02\n776|other|s||Active|False|2025/01/02\n"
    result = codes.update_tables(files(tmp_path, cvx=twice), tmp_path / "out", allow_shrink=True)
    assert next(codes.describe_update(result)) == (
        "cvx.txt, row 2, field code: 776 is in the file twice, with different content"
    )


def test_a_statement_of_a_vaccine_must_be_among_the_statements(tmp_path):
    given = files(
        tmp_path,
        vis="Synthetic VIS|1/2/2025|" + "9" * 24 + "|x|Current|1/2/2025\n",
        cvx_vis="776|s|" + "8" * 24 + "|Synthetic VIS|1/2/2025|Current\n",
    )
    result = codes.update_tables(given, tmp_path / "out", allow_shrink=True)
    assert next(codes.describe_update(result)) == f"cvx-vis.txt, row 1, field document: {'8' * 24} is not in vis.txt"


def test_a_table_without_dates_states_the_date_of_the_one_it_belongs_to(tmp_path):
    out = tmp_path / "out"
    group = "synthetic|776|Active|SYN|775\n"
    alone = codes.update_tables(files(tmp_path, groups=group), out, allow_shrink=True)
    assert isinstance(alone, codes.Updated)
    shipped = next(info.date for info in cdc.tables() if info.name == "cvx")
    assert alone.changes[0].date == shipped
    both = codes.update_tables(
        files(tmp_path, groups=group, cvx="776|synthetic|s||Active|False|2026/01/02\n"), out, allow_shrink=True
    )
    assert isinstance(both, codes.Updated)
    assert [(change.table, change.date) for change in both.changes] == [("cvx", "20260102"), ("groups", "20260102")]


CPT = "90001|words of the AMA||s|776||2025/01/02|1\n90001|words of the AMA||s|8||2025/01/02|1\n90002|x||s|||2025/01/02|2\n"


@pytest.mark.parametrize(
    "out",
    [None, codes.PACKAGE, codes.PACKAGE / ".." / "data", codes.PACKAGE / "inner", codes.PACKAGE.parents[2] / "own"],
)
def test_cpt_is_not_written_into_the_package(tmp_path, out):
    before = sorted(codes.PACKAGE.parents[2].rglob("*cpt*.tsv"))
    result = codes.update_tables(files(tmp_path, cpt=CPT), out)
    assert isinstance(result, codes.NotUpdated)
    assert "AMA" in str(result.problems[0])
    assert sorted(codes.PACKAGE.parents[2].rglob("*cpt*.tsv")) == before


def test_a_users_own_cpt_becomes_codes_without_words(tmp_path):
    out = tmp_path / "own"
    assert isinstance(codes.update_tables(files(tmp_path, cpt=CPT), out), codes.Updated)
    text = (out / "cpt.tsv").read_text("utf-8")
    assert "words of the AMA" not in text
    assert cdc.cpt_map(text) == {"90001": ("08", "776")}


def test_a_table_that_cannot_be_read_is_replaced(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "cpt.tsv").write_text("of another version", "utf-8")
    assert isinstance(codes.update_tables(files(tmp_path, cpt=CPT), out), codes.Updated)
    assert cdc.cpt_map((out / "cpt.tsv").read_text("utf-8"))


def test_a_call_without_files_or_with_an_unknown_one_says_so(tmp_path):
    assert "name at least one" in next(codes.describe_update(codes.update_tables({}, tmp_path)))
    assert "is no file that" in next(codes.describe_update(codes.update_tables({"rxnorm": tmp_path / "x"}, tmp_path)))


def test_a_cpt_table_of_the_users_own_becomes_a_source_s_vaccine_map(tmp_path: Path) -> None:
    table = tmp_path / "cpt.tsv"
    table.write_text(compact.encode(compact.Table("cpt", "20250101", (("90001", "115"), ("90002", "08 20")))))
    result = CliRunner().invoke(app, ["codes", "cpt", "feed", str(table)])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == '# "90002" = one of 08, 20'
    clinics = (ROOT / "local" / "clinics.toml").read_text("utf-8").replace("[sources.yours-csv]", "[sources.feed]")
    configuration = parse_configuration(f"{clinics}\n{result.stdout}")
    assert isinstance(configuration, Configuration), configuration
    dose = Dose("D1", "20260302", local.unread("90001"), row=1)
    read = local.applied(Visit("feed", Patient(), "20260302", doses=(dose,)), configuration.sources["feed"].local)
    assert (read.doses[0].vaccine.code, read.doses[0].vaccine.alternate_code) == ("115", "90001")


def test_what_is_no_cpt_table_is_said_and_nothing_is_printed(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("CPT,CVX\n")
    result = CliRunner().invoke(app, ["codes", "cpt", "feed", str(tmp_path / "x.tsv")])
    assert (result.exit_code, result.stdout) == (1, "")
