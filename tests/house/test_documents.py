from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.generated import DOCUMENTS, PACKAGES, ROOT

DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_is_written_from_the_code_says_what_the_code_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == DOCUMENTS[path](), "make docs writes it again"


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_one_page_of_context_decision_and_consequences(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    title, _, status, *rest = text.splitlines()
    assert title.startswith(f"# {int(path.name[:4])}. ")
    assert re.fullmatch(r"Status: (accepted|superseded by \[\d+\]\(\S+\)), \d{4}-\d\d", status)
    assert [line for line in rest if line.startswith("#")] == ["## Context", "## Decision", "## Consequences"]
    assert len(text.split()) < 450


def test_the_map_names_every_folder_of_the_tree() -> None:
    rows = re.findall(r"^\| `(\S+)/` \|", (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE)
    tree = {path.parent.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    for shown in ("api/static", "api/web/templates"):
        tree |= {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / shown).rglob("*") if path.is_file()}
    assert sorted(rows) == sorted(tree | {"benchmarks", "docs", "tests"})


def test_the_changelog_says_for_each_version_which_past_answers_change() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert versions[0].startswith(version)
    for one in versions:
        assert re.search(r"^Past answers: \S", one, re.MULTILINE), one.splitlines()[0]


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, section = target.partition("#")
        if target.startswith("https://"):
            continue
        found = path.parent / file if file else path
        assert found.exists(), target
        if section:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert section in {heading.lower().replace(" ", "-") for heading in headings}, target


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{'|'.join(PACKAGES)}|benchmarks|docs|tests)/[\w./-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_measured_figures_name_the_machine_the_date_and_the_command() -> None:
    text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    assert "make bench ARGS=--publish" in text
    assert re.search(r"^\| date \| \d{4}-\d\d-\d\d \|$", text, re.MULTILINE)
    assert re.search(r"^\| machine \| .*cores.* \|$", text, re.MULTILINE)
    for table in ("machine", "targets", "recording", "http", "bulk", "fold"):
        assert re.search(rf"<!-- {table} -->\n\| .+\n<!-- end of {table} -->", text, re.DOTALL), table
