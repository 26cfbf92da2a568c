from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from domain.records import AGGREGATES
from tests.house.generated import ROOT
from tests.house.import_contracts import AllowListContract

LINES = 500
VENDORED = ROOT / "docs/vendored.md"
DATA = {".png", ".csv", ".json", ".jsonl", ".lock"}
MACHINE_PATHS = re.compile("|".join(["/" + name + "/" for name in ("work", "root", "home")] + [r"\.\./" + "shared"]))
LEFT_FOR_LATER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")


def _vendored() -> dict[str, str]:
    rows = re.findall(r"^\| `(\S+)` \|.*\| `([0-9a-f]{64})` \|$", VENDORED.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(rows)


def _files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name for name in folders if name not in {"__pycache__", "node_modules", "dist"} and name[0] != "."
        ]
        yield from (Path(folder) / name for name in names if name != ".git")  # a worktree's is a file
    yield from (ROOT / ".ci").iterdir()


def _written() -> Iterator[Path]:
    vendored = _vendored()
    return (path for path in _files() if path.suffix not in DATA and path.relative_to(ROOT).as_posix() not in vendored)


def test_no_file_is_past_500_lines() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines()) for path in _written()}
    assert {name: size for name, size in sizes.items() if size > LINES} == {}


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, LEFT_FOR_LATER], ids=["machine paths", "left for later"])
def test_nothing_of_one_machine_or_for_later_is_in_the_tree(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _written()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_vendored_files_are_the_ones_that_were_taken() -> None:
    vendored = _vendored()
    assert {
        path.relative_to(ROOT).as_posix()
        for path in [
            *ROOT.glob("api/static/swagger-ui*"),
            *ROOT.glob("api/static/noble/*"),
            ROOT / "api/static/htmx.min.js",
        ]
    } <= vendored.keys()
    assert {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in vendored} == vendored


def test_tests_stand_in_folders_that_shadow_nothing() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
    tests = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(tests) == len(set(tests))


def test_an_import_that_is_not_on_the_list_breaks_the_contract() -> None:
    graph = grimp.ImportGraph()
    for module in ("domain", "domain.community", "domain.fact"):
        graph.add_module(module)
    for module in ("pydantic", "numpy"):
        graph.add_module(module, is_squashed=True)
    graph.add_import(importer="domain.community", imported="domain.fact")
    graph.add_import(importer="domain.community", imported="pydantic")
    contract = AllowListContract(
        name="allowed",
        session_options={"root_packages": ["domain"]},
        contract_options={"packages": ["domain"], "allowed": ["pydantic"]},
    )
    assert contract.check(graph, verbose=False).kept
    graph.add_import(importer="domain.fact", imported="numpy")
    assert contract.check(graph, verbose=False).metadata == {"found": ["domain.fact imports numpy"]}


def test_every_kind_of_record_is_kept_from_importing_the_others() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (independence,) = (one for one in contracts if one["type"] == "independence")
    assert set(independence["modules"]) == {kind.evolve.__module__ for kind in AGGREGATES.values()}
