"""The one file of words: complete in both languages, used as it is, and punctuated as each language is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.web.words import words

ROOT = Path(__file__).parents[2]
WEB = ROOT / "api" / "web"
HAN = r"[\u4e00-\u9fff]"
HALF_WIDTH = re.compile(rf"{HAN}\s*[,;:!?()]|[,;:!?()]\s*{HAN}|{HAN}\.(?!\w)")
"""Half-width marks beside Chinese characters."""
KEY = re.compile(r"""(?<![\w.])(?:t|words|visit\.words|self\._t)\(\s*["']([a-z][a-z0-9_.-]*)["']""")
PLACE = re.compile(r"\{(\w+)[^}]*\}")
SEAL = {"账"}
"""The sign beside the name."""
TEMPLATES = sorted((WEB / "templates").glob("*.html"))


def test_every_word_is_there_in_both_languages_with_the_same_figures() -> None:
    for key, word in words().items():
        assert word.zh.strip(), key
        assert word.en.strip(), key
        assert sorted(PLACE.findall(word.zh)) == sorted(PLACE.findall(word.en)), key


def test_english_has_no_chinese_but_the_names_of_languages() -> None:
    assert {key for key, word in words().items() if re.search(HAN, word.en)} <= {"foot.language"}


def test_chinese_is_punctuated_in_full_width() -> None:
    assert {key: word.zh for key, word in words().items() if HALF_WIDTH.search(word.zh)} == {}


@pytest.mark.parametrize("path", [*TEMPLATES, *sorted(WEB.glob("*.py"))], ids=lambda path: path.name)
def test_every_word_that_is_asked_for_is_there(path: Path) -> None:
    known = words()
    for asked in KEY.findall(path.read_text(encoding="utf-8")):  # one that ends in a dot is the beginning of several
        assert asked in known or (asked.endswith(".") and any(key.startswith(asked) for key in known)), asked


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_words_of_its_own(path: Path) -> None:
    assert set(re.findall(HAN, path.read_text(encoding="utf-8"))) <= SEAL
