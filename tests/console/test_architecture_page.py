"""docs/architecture.md shows the tree as it is."""

from __future__ import annotations

import re

import pytest

from tests.places import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
TREE = PAGE.partition("## The tree")[2].partition("```")[2].partition("```")[0]
SHOWN = ("shared", "console", "local", "functions", "infra", "tests", "docs")


def packages() -> list[str]:
    modules = (path for top in ("shared", "console", "local") for path in (ROOT / top).rglob("*.py"))
    return sorted({path.parent.relative_to(ROOT).as_posix() for path in modules})


@pytest.mark.parametrize("package", packages())
def test_every_package_is_in_the_tree(package: str) -> None:
    assert f"{package.rsplit('/', maxsplit=1)[-1]}/" in TREE


def test_the_tree_shows_no_folder_that_is_gone() -> None:
    there = {part for package in packages() for part in package.split("/")} | set(SHOWN)
    shown = set(re.findall(r"\b([a-z0-9_]+)/", TREE))
    extra = {"adr", "end_to_end", "conformance", "chaos", "benchmarks", "fakes"}
    assert shown - extra <= there


def test_every_word_of_the_glossary_is_there_once() -> None:
    glossary = PAGE.partition("## Glossary")[2].partition("\n## ")[0]
    words = re.findall(r"^\| ([a-z ]+) \|", glossary, re.MULTILINE)
    assert len(words) == len(set(words)) > 20
