"""CDC's code sets: spellings of codes, look-ups, rules, and the consistency of the shipped tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.codes import cdc
from shared.domain.codes.cdc import Kind, Status, compact, ndc_form
from shared.domain.codes.cdc.build import short_name
from shared.domain.codes.cdc.rules import RULES, Given, broken
from tests.places import ROOT

DATA = Path(cdc.__file__).parent / "data"

PARTS = st.tuples(
    st.integers(0, 99_999).map("{:05}".format),
    st.integers(0, 9_999).map("{:04}".format),
    st.integers(0, 99).map("{:02}".format),
)
LAYOUTS = ((4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2))


def digits(width: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=width, max_size=width)


SEGMENTS = st.sampled_from(LAYOUTS).flatmap(lambda layout: st.tuples(*map(digits, layout)))


def check_digit(body: str) -> str:
    return str(-sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(body))) % 10)


# NDC spellings


@given(
    SEGMENTS, st.sampled_from("- \u2010\u2011\u2013\u2014\u2212"), st.sampled_from(["", " ", "NDC ", "ndc:", "NDC# "])
)
def test_three_segments_of_every_layout_state_the_11_digit_form(segments, dash, label):
    labeler, product, package = segments
    assert ndc_form.stated(label + dash.join(segments)) == "-".join(
        (labeler.rjust(5, "0"), product.rjust(4, "0"), package.rjust(2, "0"))
    )


@given(PARTS)
def test_eleven_digits_state_their_form_with_and_without_hyphens(parts):
    form = "-".join(parts)
    assert ndc_form.stated(form) == ndc_form.stated("".join(parts)) == form
    assert ndc_form.readings("".join(parts)) == (form,)
    assert ndc_form.stated("".join(parts) + ".0") == form


@given(SEGMENTS)
def test_a_form_that_was_stated_states_itself(segments):
    form = ndc_form.stated("-".join(segments))
    assert form is not None
    assert ndc_form.stated(form) == form
    assert len(form.replace("-", "")) == 11


@given(SEGMENTS.filter(lambda segments: sum(map(len, segments)) == 10))
def test_ten_bare_digits_can_mean_what_each_layout_makes_of_them(segments):
    bare = "".join(segments)
    assert ndc_form.stated(bare) is None
    readings = ndc_form.readings(bare)
    assert ndc_form.stated("-".join(segments)) in readings
    assert 1 <= len(readings) <= 3
    assert {reading.replace("-", "") for reading in readings} == {
        "0" + bare,
        bare[:5] + "0" + bare[5:],
        bare[:9] + "0" + bare[9:],
    }


@given(SEGMENTS.filter(lambda segments: sum(map(len, segments)) == 10), st.integers(0, 9))
def test_a_barcode_reads_as_the_ten_digits_in_it(segments, indicator):
    body = f"{indicator}03{''.join(segments)}"
    gtin = body + check_digit(body)
    readings = ndc_form.readings("".join(segments))
    assert ndc_form.readings(gtin) == ndc_form.readings(f"(01){gtin}") == readings
    if indicator == 0:
        assert ndc_form.readings(gtin[2:]) == ndc_form.readings(gtin[1:]) == readings
    wrong = body + str((int(check_digit(body)) + 1) % 10)
    assert ndc_form.readings(wrong) == ()


@given(st.text(max_size=20))
def test_no_text_makes_the_ndc_reader_fail(raw):
    for reading in ndc_form.readings(raw):
        assert ndc_form.stated(reading) == reading


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "-",
        "49281-425",
        "492-0425-50",
        "49281-425-5",
        "4928-425-50",
        "49281-0425-500",
        "12345678",
        "٤٩٢٨١٠٤٢٥٥٠",
        "NDC",
    ],
)
def test_what_is_no_ndc_has_no_reading(raw):
    assert ndc_form.readings(raw) == ()
    assert cdc.ndc(raw) is None
    assert cdc.ndc_11(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "49281-0425-50",
        "49281-425-50",
        "49281042550",
        "4928142550",
        " NDC 49281-425-50 ",
        "49281 425 50",
        "49281\u2013425\u201350",
        "49281-*425-50",
        "00349281425509",
    ],
)
def test_one_package_is_found_by_every_spelling(raw):
    found = cdc.ndc(raw)
    assert found is not None
    assert (found.code, found.cvx, found.mvx) == ("49281-0425-50", ("140",), ("PMC",))
    assert cdc.ndc_11(raw) == "49281-0425-50"


def test_ten_digits_that_fit_two_packages_are_not_guessed():
    known = cdc._ndc()
    tens = {form[1:].replace("-", "") for form in known if form[0] == "0"}
    tens |= {form[:5] + form[7:].replace("-", "") for form in known if form[6] == "0"}
    tens |= {form[:10].replace("-", "") + form[12:] for form in known if form[11] == "0"}
    two = {ten for ten in tens if sum(reading in known for reading in ndc_form.readings(ten)) > 1}
    assert two, "CDC's tables hold such digits; without one this test says nothing"
    for ten in two:
        assert cdc.ndc(ten) is None
        assert cdc.ndc_11(ten) is None


def test_every_package_is_found_by_its_ten_digits_unless_two_fit():
    known = cdc._ndc()
    for form in known:
        assert cdc.ndc(form.replace("-", "")) is known[form]
        if form[0] == "0":
            four_four_two = form[1:].replace("-", "")
            assert cdc.ndc(four_four_two) in (known[form], None)


def test_leading_zeros_that_a_spreadsheet_ate_come_back_for_known_packages_only():
    assert cdc.ndc("6404520") is None
    merck = next(form for form in cdc._ndc() if form.startswith("00006"))
    assert cdc.ndc(merck.replace("-", "").lstrip("0").zfill(9)) is cdc.ndc(merck)
    assert cdc.ndc_11("999999999") is None


def test_an_unlisted_ndc_keeps_its_stated_form_but_is_not_known():
    assert cdc.ndc_11("99999-999-99") == "99999-0999-99"
    assert cdc.ndc("99999-999-99") is None
    assert cdc.ndc_11("9999999999") is None


# Look-ups


@pytest.mark.parametrize("raw", ["8", "08", "008", " 08 "])
def test_a_cvx_is_found_however_it_is_zero_filled(raw):
    found = cdc.cvx(raw)
    assert found is not None
    assert (found.code, found.status, found.kind) == ("08", Status.ACTIVE, Kind.VACCINE)


@pytest.mark.parametrize("raw", ["", "0", "abc", "-8", "8.0", "08x", "99999999", "٨", "²"])
def test_what_is_no_cvx_is_not_found(raw):
    assert cdc.cvx(raw) is None
    assert cdc.groups(raw) == cdc.vis_of(raw) == cdc.products(raw, "SKB") == ()
    assert cdc.makers(raw) == frozenset()


def test_unspecified_formulations_and_what_is_no_vaccine_are_told_apart():
    kinds = {code: cdc.cvx(code) for code in ("17", "196", "30", "306", "96", "801", "998", "999", "99")}
    assert {code: (row.kind, row.unspecified) for code, row in kinds.items() if row} == {
        "17": (Kind.VACCINE, True),
        "196": (Kind.VACCINE, False),  # "Lf unspecified", in use for doses
        "30": (Kind.ANTIBODY, False),
        "306": (Kind.ANTIBODY, False),
        "96": (Kind.SKIN_TEST, False),
        "801": (Kind.OTHER, False),
        "998": (Kind.SPECIAL, False),
        "999": (Kind.SPECIAL, False),
        "99": (Kind.SPECIAL, False),
    }


def test_a_manufacturer_is_found_in_any_case():
    assert cdc.mvx(" pmc ") is cdc.mvx("PMC")
    assert cdc.mvx("GlaxoSmithKline") is None


def test_the_active_product_comes_first():
    names = [entry.name for entry in cdc.products("140", "SEQ")]
    assert names[0] == "Afluria trivalent, preservative free"
    assert len(names) == 3
    assert cdc.product("8", "skb") == cdc.products("08", "SKB")[0]
    assert cdc.product("140", "ZZZ") is None


def test_makers_are_empty_where_cdc_names_not_all_of_them():
    assert cdc.makers("110") == {"SKB"}
    assert any(entry.mvx == "" for entry in cdc._products()["20", ""])
    assert cdc.makers("20") == frozenset()


def test_a_combination_counts_for_each_of_its_groups():
    assert {group.cvx for group in cdc.groups("110")} == {"45", "89", "107"}
    assert cdc.groups("998") == ()


def test_a_carton_names_what_is_in_it():
    carton = cdc.ndc("49281-0425-50")
    assert carton is not None
    assert (carton.of_sale, carton.of_use, carton.inner) == (True, False, ("49281-0425-88",))
    syringe = cdc.ndc(carton.inner[0])
    assert syringe is not None
    assert (syringe.of_use, syringe.cvx, syringe.mvx) == (True, carton.cvx, carton.mvx)


def test_one_vial_may_be_two_vaccines():
    vial = cdc.ndc("58160-0821-01")
    assert vial is not None
    assert vial.cvx == ("43", "44")


# VIS


def test_a_statement_is_found_by_its_vaccine_and_edition():
    assert [entry.document for entry in cdc.vis_for("143", "2014-06-11")] == ["253088698300001111140611"]
    assert cdc.vis_for("143", "20140612") == ()


def test_a_statement_whose_string_does_not_hold_its_date_is_found_all_the_same():
    (entry,) = cdc.vis_for("212", "20230313")
    assert entry.document == "253088698300036311210201"


def test_a_vaccines_own_statement_comes_before_one_for_many():
    own, many = cdc.vis_for("20", "20200401")
    assert (own.document, many.document) == ("253088698300003511200401", "253088698300026411200401")


def test_the_group_of_a_vaccine_stands_for_its_statements():
    # OBX 30956-7 names Hib by 17. The statement of polio, for which 120 is a combination, has the same date.
    assert [entry.name for entry in cdc.vis_for("17", "20191030")] == ["Hib Vaccine VIS"]
    assert len(cdc.vis_for("120", "20191030")) == 2


def test_a_current_statement_has_an_address():
    assert cdc.vis_url("253088698300001111200108").startswith("https://www.cdc.gov/")
    assert cdc.vis_url("nothing") == ""
    assert cdc.vis("253088698300001111200108 ") is not None


# Rules: each is broken by one dose and not by the next one

BROKEN = {
    "CVX-UNKNOWN": (Given("777", on="20250601"), Given("08", on="20250601")),
    "CVX-NEWER": (Given("338", on="20261120"), Given("777", on="20261120")),
    "CVX-RESERVED": (Given("99", on="20250601"), Given("999", on="20250601")),
    "CVX-NO-VACCINE": (Given("998", on="20250601"), Given("999", on="20250601")),
    "CVX-UNKNOWN-VACCINE": (Given("999", on="20250601", administered=False), Given("999", on="20250601")),
    "CVX-UNKNOWN-VACCINE-GIVEN": (Given("999", on="20250601"), Given("999", on="20250601", administered=False)),
    "CVX-NEVER-ACTIVE": (Given("58", administered=False), Given("45", administered=False)),
    "CVX-NON-US": (Given("510", on="20250601"), Given("510", on="20250601", administered=False)),
    "CVX-UNSPECIFIED": (Given("17", on="20250601"), Given("17", on="20250601", administered=False)),
    "CVX-INACTIVE": (Given("118", on="20250601"), Given("118", on="20090601")),
    "MVX-UNKNOWN": (Given("08", "ZZZ"), Given("338", "ZZZ")),
    "MVX-NEWER": (Given("338", "ZZZ"), Given("338", "SKB")),
    "MVX-INACTIVE": (Given("08", "AB", on="20250601"), Given("08", "AB", on="20100601")),
    "MVX-NOT-A-MAKER": (Given("110", "MSD"), Given("110", "SKB")),
    "NDC-UNKNOWN": (Given("08", ndc="99999-0999-99"), Given("140", ndc="49281-0425-50")),
    "NDC-NOT-THE-CVX": (Given("141", ndc="49281-0425-50"), Given("140", ndc="49281-0425-50")),
    "NDC-NOT-THE-MVX": (Given("140", "SKB", "49281-0425-50"), Given("140", "PMC", "49281-0425-50")),
}


@pytest.mark.parametrize("code", ["335", "338", "499"])
def test_a_code_that_cdc_may_have_added_is_newer_and_not_unknown(code):
    assert [entry.rule.code for entry in broken(Given(code, on="20261120"))] == ["CVX-NEWER"]
    assert broken(Given(code))[0].value == f"{code}, newer than our table of 2025-11-19"


@pytest.mark.parametrize("code", ["124", "299", "500000", "522", "777", "3a5"])
def test_a_code_that_cdc_passed_over_or_gives_to_others_is_unknown(code):
    assert [entry.rule.code for entry in broken(Given(code, on="20261120"))] == ["CVX-UNKNOWN"]


def test_a_package_that_was_sold_on_the_day_silences_an_inactive_code():
    ended = next(
        (package, vaccine)
        for package in cdc._ndc().values()
        for vaccine in package.cvx
        if package.end and (row := cdc.cvx(vaccine)) and row.status is Status.INACTIVE and package.end > row.updated
    )
    package, vaccine = ended
    assert [entry.rule.code for entry in broken(Given(vaccine, on=package.end))] == ["CVX-INACTIVE"]
    assert broken(Given(vaccine, ndc=package.code, on=package.end)) == ()
    assert "CVX-INACTIVE" in {entry.rule.code for entry in broken(Given(vaccine, ndc=package.code, on="20991231"))}


@pytest.mark.parametrize("code", BROKEN)
def test_a_rule_is_broken_by_what_it_forbids_and_kept_by_its_neighbour(code):
    breaks, keeps = BROKEN[code]
    found = {entry.rule.code: entry.value for entry in broken(breaks)}
    assert found.get(code)
    assert code not in {entry.rule.code for entry in broken(keeps)}


def test_a_pending_vaccine_is_not_given(monkeypatch):
    pending = cdc.Cvx("776", "synthetic, pending", Status.PENDING, Kind.VACCINE, unspecified=False, updated="20250101")
    monkeypatch.setitem(cdc._cvx(), "776", pending)
    assert [entry.rule.code for entry in broken(Given("776", on="20250601"))] == ["CVX-PENDING"]
    assert broken(Given("776", on="20250601", administered=False)) == ()


def test_every_rule_is_tested():
    assert {rule.code for rule in RULES} == {*BROKEN, "CVX-PENDING"}


def test_rules_are_silent_where_the_tables_are():
    assert broken(Given("")) == ()
    assert broken(Given("20", "PMC", on="20000101")) == ()  # CDC does not name every manufacturer of 20
    assert broken(Given("43", ndc="58160-0821-01")) == broken(Given("44", ndc="58160-0821-01")) == ()


def test_no_package_of_cdcs_breaks_a_rule_on_the_day_it_came_out():
    found = {
        (hit.rule.code, entry.code)
        for entry in cdc._ndc().values()
        for vaccine in entry.cvx
        for maker in entry.mvx or ("",)
        for hit in broken(Given(vaccine, maker, entry.code, entry.start))
    }
    # A COVID-19 vaccine that was never authorized has NDCs.
    assert {code for code, _ in found} == {"CVX-NEVER-ACTIVE"}
    assert len(found) == 2


# The shipped tables as a whole


def test_every_table_states_a_date_its_source_and_its_size():
    found = {info.name: info for info in cdc.tables()}
    assert set(found) == set(compact.SHIPPED) == {path.stem for path in DATA.glob("*.tsv")}
    for info in found.values():
        assert len(info.date) == 8
        assert info.rows > 30
        assert info.source.startswith("CDC")


def test_no_cpt_is_shipped():
    assert not list(DATA.glob("*cpt*"))
    assert "cpt" not in compact.SHIPPED


def test_codes_that_tables_name_are_in_their_tables():
    for entry in cdc._ndc().values():
        assert entry.cvx
        assert all(map(cdc.cvx, entry.cvx))
        assert all(map(cdc.mvx, entry.mvx))
        assert all(map(cdc.ndc, entry.inner))
    for vaccine, maker in cdc._products():
        assert cdc.cvx(vaccine)
        assert maker == "" or cdc.mvx(maker)
    for vaccine, entries in cdc._groups().items():
        assert cdc.cvx(vaccine)
        assert all(cdc.cvx(group.cvx) for group in entries)
    for statement in cdc._vis().values():
        assert all(map(cdc.cvx, statement.cvx))
        assert len(statement.document) == 24


def test_names_of_vaccines_are_short_and_tell_them_apart():
    rows = list(cdc._cvx().values())
    assert len({row.name for row in rows}) == len(rows)
    assert sum(len(row.name) > 60 for row in rows) <= 6
    assert all(row.name == row.name.strip(" ,(") for row in rows)


@given(st.text("abc ,()", max_size=120).map(lambda text: f"a{text}"))
def test_a_short_name_is_a_beginning_of_whole_words(text):
    whole, short = " ".join(text.split()), short_name(text)
    assert len(short) <= 60 or " " not in whole[:61]
    assert whole.startswith(short)


def test_preservative_free_never_loses_its_second_word():
    assert short_name("Influenza, injectable,quadrivalent, preservative free, pediatric, 0.25 mL") == (
        "Influenza, injectable,quadrivalent, PF, pediatric, 0.25 mL"
    )


@given(
    st.lists(
        st.tuples(st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1), st.just("08 20")),
        max_size=5,
        unique_by=lambda row: row[0],
    )
)
def test_a_table_reads_back_as_it_was_written(rows):
    table = compact.Table("cpt", "20250101", tuple(rows))
    text = compact.encode(table)
    assert compact.decode("cpt", text) == table
    assert cdc.cpt_map(text) == {code: ("08", "20") for code, _ in rows}


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-20],
        lambda text: text.replace("# cpt", "# cvx"),
        lambda text: text.replace("code\tcvx", "cvx\tcode"),
        lambda text: text.removesuffix("\n").rpartition("\n")[0] + "\n",
        lambda text: text.replace("90001\t", "90001"),
    ],
)
def test_a_damaged_table_is_refused_by_name(damage):
    text = compact.encode(compact.Table("cpt", "20250101", (("90001", "08"), ("90002", "20"))))
    with pytest.raises(compact.BrokenTableError, match="table cpt"):
        cdc.cpt_map(damage(text))


def test_importing_the_code_sets_reads_no_table():
    code = (
        "import sys; from shared.domain.codes import cdc as c; "
        "caches = [v for v in vars(c).values() if hasattr(v, 'cache_info')]; "
        "assert caches and all(v.cache_info().currsize == 0 for v in caches); "
        "heavy = {'importlib.resources', 'tempfile', 'lxml', 'csv'} & set(sys.modules); "
        "c.cvx('08'); assert c._cvx.cache_info().currsize == 1 and c._ndc.cache_info().currsize == 0; "
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_docs_name_every_table_look_up_and_rule():
    page = (ROOT / "docs" / "codesets.md").read_text("utf-8")
    look_ups = [name for name in cdc.__all__ if name[0].islower()]
    missing = [name for name in (*compact.FORMS, *look_ups, *(rule.code for rule in RULES)) if f"`{name}" not in page]
    assert missing == []
