"""What a rule version says stays what it was: every version over one log, at several times, against its golden file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from domain.rules import RULES
from domain.scheme import values_of
from domain.schemes import first_scheme

GOLDEN = Path(__file__).parent / "golden"
TIMES = [(2019, "2019-12-31"), (2020, "2020-06-30"), (2020, "2020-12-31"), (2021, "2021-12-31")]


@pytest.fixture(scope="session")
def sample(world_of, said):
    written = yaml.safe_load((GOLDEN / "world.yaml").read_text(encoding="utf-8"))
    return world_of(said(json.loads(json.dumps(written, default=str))))  # days as they are written


def readings(rule, figures, sample):
    end = len(sample.entries)
    return {
        f"{year} at {on}, known at {known_at}": [
            finding._asdict() for finding in rule.judge(sample.city(year, date.fromisoformat(on), known_at), figures)
        ]
        for year, on in TIMES
        for known_at in (end - 4, end)
    }


def figures_today(name):
    """The figures of the first scheme, for the golden file of a new rule version."""
    uses = (use for indicator in first_scheme().indicators for use in indicator.rules)
    return next(values_of(use.parameters) for use in uses if use.rule == name)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_version_says_what_it_always_said(name, sample):
    file = GOLDEN / f"{name.replace('/', '-')}.json"
    if not file.exists():
        figures = figures_today(name)
        golden = {"rule": name, "figures": figures, "says": readings(RULES[name], RULES[name].read(figures), sample)}
        file.write_text(json.dumps(golden, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
        pytest.fail(f"{file} was written: look at it, then keep it for good")
    golden = json.loads(file.read_text(encoding="utf-8"))
    says = readings(RULES[name], RULES[name].read(golden["figures"]), sample)
    assert json.loads(json.dumps(says, default=str)) == golden["says"]


def test_every_golden_file_is_of_a_rule_that_is_still_there():
    assert {file.stem for file in GOLDEN.glob("*.json")} == {name.replace("/", "-") for name in RULES}


def test_the_sample_has_every_rule_found_and_met_and_undeterminable_where_that_can_be():
    seen = {
        name: {
            finding["outcome"]
            for says in json.loads((GOLDEN / f"{name.replace('/', '-')}.json").read_text())["says"].values()
            for finding in says
        }
        for name in RULES
    }
    asks_for_records = {
        "demonstration/1", "setting-plan/1", "conversion-due/1", "filing/1", "seal/1", "dual-post/1",
        "equal-treatment/1", "premises-gates/1", "reward/1", "measures/1", "services/1", "convenience-circle/1",
        "three-without/1", "partnership/1", "incubation/1", "governance-bodies/1",
    }  # fmt: skip
    both = {"found", "met"}
    assert seen == {name: both if name in asks_for_records else both | {"undeterminable"} for name in RULES}
