"""Documents that follow from the code: `python -m tests.house.generated` writes them, a test keeps them equal."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from domain.fact import Fact
from domain.offices import Authority
from domain.records import AGGREGATES
from infrastructure.postgres.migrating import migrations

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("domain", "application", "projections", "infrastructure", "api")
NO_BOUNDS: Final = {
    "GONE", "KEY_SIZE", "LEAD", "LOCK", "LOCKS", "MAJOR_VERSION", "REBUILD", "SALT_SIZE", "TOTAL", "VERSION", "WRITE",
}  # fmt: skip


class Bound(NamedTuple):
    """A number that stands under a name in some module."""

    where: str
    value: float
    meaning: str


def glossary() -> str:
    lines = ["# Glossary: every event, by kind of record", "", "Written from the class lines of `domain/`."]
    for kind, aggregate in AGGREGATES.items():
        lines += [
            "",
            f"## `{kind}` {aggregate.zh}",
            "",
            "| event | 中文 | clause | recorded by |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| `{fact.event}` | {fact.zh} | {fact.clause or ''} | {_recorded_by(fact)} |" for fact in aggregate.facts
        ]
    return "\n".join(lines) + "\n"


def bounds() -> str:
    lines = [
        "# Bounds: every limit there is",
        "",
        "Written from the constants. Times are in seconds, sizes in bytes unless the name says otherwise.",
        "",
        "| constant | limit | what |",
        "| --- | ---: | --- |",
        *(f"| `{one.where}` | {_shown(one.value)} | {one.meaning} |" for one in _numbers()),
    ]
    return "\n".join(lines) + "\n"


def schema() -> str:
    lines = ["# Migrations, in their order", "", "| file | what it makes |", "| --- | --- |"]
    for name, content in migrations().items():
        said: list[str] = []
        for line in content.decode().splitlines():
            if not line.startswith("--"):
                break
            said.append(line.removeprefix("--").strip())
        lines.append(f"| `{name}` | {' '.join(said)} |")
    return "\n".join(lines) + "\n"


DOCUMENTS: Final[dict[Path, Callable[[], str]]] = {
    ROOT / "docs/glossary.md": glossary,
    ROOT / "docs/bounds.md": bounds,
    ROOT / "docs/migrations.md": schema,
}


def _recorded_by(fact: type[Fact]) -> str:
    varies = fact.authorities is not Fact.authorities
    return "; ".join(map(_named, fact.by)) + (", by what it says" if varies else "")


def _named(authority: Authority) -> str:
    return authority.who if authority.bureau is None else f"{authority.who} {authority.bureau}"


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _numbers() -> Iterator[Bound]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield from _numbers_of(file)


def _numbers_of(file: Path) -> Iterator[Bound]:
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for node, following in pairwise([*body, ast.Pass()]):
        match node:
            case ast.Assign(targets=[ast.Name(id=constant)]) | ast.AnnAssign(target=ast.Name(id=constant)):
                if constant.isupper() and not constant.startswith("_") and constant not in NO_BOUNDS:
                    value = getattr(importlib.import_module(name), constant)
                    if type(value) in (int, float):
                        yield Bound(f"{name}:{constant}", value, _said(following))
            case _:
                continue


def _said(node: ast.stmt) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
        case _:
            return ""


if __name__ == "__main__":
    for path, document in DOCUMENTS.items():
        path.write_text(document(), encoding="utf-8")
