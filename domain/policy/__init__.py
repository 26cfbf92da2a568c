"""The source: the New Area's trial opinions on community governance, in force from 2019-12-10, as published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType

from domain.packaged import packaged

SOURCE = "opinions-2019-12-10.txt"
SOURCE_SHA256 = "7fe6bca67a1ed3726a6be2f6abd41e28be0e5e0c10b316c56d050025c6fc97f3"
"""Of the file as it was published, lower-case hex."""

LAST = "last"
"""What the paragraph after 8.4 is cited as."""

CHAPTERS: Mapping[str, str] = MappingProxyType(
    {
        "1": "总体目标",
        "2": "社区设置",
        "3": "撤村建居",
        "4": "社区用房",
        "5": "队伍建设",
        "6": "服务水平",
        "7": "共建共治",
        "8": "工作保障",
    }
)
"""The chapters in a few characters each, as a table has room for."""

_DIGITS = "一二三四五六七八九"
_CHAPTER = re.compile(rf"^([{_DIGITS}])、")
_CLAUSE = re.compile(rf"^\(([{_DIGITS}])\)")
_LAST = re.compile(r"^本意见自发文之日起执行")
_SPACE = re.compile(r"\s+")


@cache
def source() -> str:
    """The text, line by line. Raises ValueError where the file carried is not the one that was published."""
    text = packaged(__name__, SOURCE)
    if sha256(text).hexdigest() != SOURCE_SHA256:
        raise ValueError(f"{SOURCE} is not the text that was published")
    return text.decode()


@cache
def clauses() -> Mapping[str, str]:
    """The text of each clause by its number, in order: `1`, `2.1` for 二(一), and `last` for the last paragraph."""
    lines = source().splitlines()
    starts: list[tuple[int, str]] = []
    chapter = 0
    for index, line in enumerate(lines):
        if found := _CHAPTER.match(line):
            chapter = _DIGITS.index(found[1]) + 1
            starts.append((index, str(chapter)))
        elif chapter and (found := _CLAUSE.match(line)):
            starts.append((index, f"{chapter}.{_DIGITS.index(found[1]) + 1}"))
        elif _LAST.match(line):
            starts.append((index, LAST))
    texts = {number: "\n".join(lines[first:end]) for (first, number), (end, _) in pairwise([*starts, (len(lines), "")])}
    divided = {number.partition(".")[0] for number in texts if "." in number}
    return MappingProxyType({number: text for number, text in texts.items() if number not in divided})


def quotes(clause: str, quote: str) -> bool:
    """Whether the clause says these words, white space aside. An unknown clause says nothing."""
    words = _SPACE.sub("", quote)
    return bool(words) and words in _SPACE.sub("", clauses().get(clause, ""))
