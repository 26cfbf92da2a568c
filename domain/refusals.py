"""Ways to be refused: one stable code each, in the order in which a recording meets them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class Nature(Enum):
    """What kind of fault a refusal finds; the API gives each its status."""

    QUESTION = "question"
    FIELDS = "fields"
    RIGHTS = "rights"
    MISSING = "missing"
    PROCEDURE = "procedure"
    STALE = "stale"
    UNAVAILABLE = "unavailable"


class _Title(NamedTuple):
    nature: Nature
    zh: str
    en: str


class Code(Enum):
    """A stable code with its title in both languages. Codes are never renamed or reused."""

    BAD_TIME = _Title(Nature.QUESTION, "时间条件不合要求", "Not a time that can be asked about")
    BAD_CURSOR = _Title(Nature.QUESTION, "翻页标记无效", "Not a cursor of this list")
    NOT_CAUGHT_UP = _Title(Nature.UNAVAILABLE, "尚未同步到所求位置", "The answer does not reach that position yet")
    BEING_JUDGED = _Title(Nature.UNAVAILABLE, "正在评定", "Scores are being judged")
    ROLLED_BACK = _Title(
        Nature.UNAVAILABLE, "数据库早于已公布的检查点，停止登记", "The database is older than what was published"
    )
    UNKNOWN_TYPE = _Title(Nature.FIELDS, "没有这种事项", "No such type of event in this kind of record")
    INVALID_FIELDS = _Title(Nature.FIELDS, "填写内容不合要求", "Fields are not valid")
    BAD_RECORD_ID = _Title(Nature.FIELDS, "编号不合要求", "Not an id for this kind of record")
    FUTURE_DATE = _Title(Nature.FIELDS, "发生日期晚于今天", "The effective date is in the future")
    UNKNOWN_REFERENCE = _Title(Nature.FIELDS, "所指记录不存在", "A record referred to does not exist")
    UNKNOWN_ATTACHMENT = _Title(Nature.FIELDS, "附件尚未上传", "An attachment named here has not been uploaded")
    ENTRY_TOO_LARGE = _Title(Nature.FIELDS, "单条记录过长", "The entry is larger than the log takes")
    IDEMPOTENCY_REUSED = _Title(
        Nature.FIELDS, "幂等键已用于另一请求", "The idempotency key was used for another request"
    )
    UNKNOWN_EVIDENCE = _Title(Nature.FIELDS, "所引记录不存在", "Evidence that is cited does not exist")
    UNKNOWN_INDICATOR = _Title(Nature.FIELDS, "考核办法无此指标", "The scheme has no such indicator")
    TOO_LITTLE_TIME = _Title(Nature.FIELDS, "申诉期限短于规定", "Less time to dispute than the scheme gives")
    NOT_ENTITLED = _Title(Nature.RIGHTS, "无权登记此事项", "This account may not record this event")
    SYSTEM_ONLY = _Title(Nature.RIGHTS, "此事项只由系统记载", "Only the system records this event")
    SEPARATION_OF_DUTIES = _Title(Nature.RIGHTS, "同一人不得兼办", "The same person may not do both")
    NOT_READABLE = _Title(Nature.RIGHTS, "无权查阅", "This account may not read this record")
    NOT_FOUND = _Title(Nature.MISSING, "没有这条记录", "No such record")
    NOT_YET = _Title(Nature.MISSING, "所查之日尚无此记录", "The record does not exist on that day yet")
    VERSION_MOVED = _Title(Nature.STALE, "记录已有更新", "The record has moved on")
    ALREADY_OPEN = _Title(Nature.PROCEDURE, "记录已存在", "The record exists already")
    BEFORE_OPENING = _Title(Nature.PROCEDURE, "早于记录的起始日期", "Dated before the event that opens the record")
    CLOSED = _Title(Nature.PROCEDURE, "记录已终结", "The record has come to its end")
    OUT_OF_ORDER = _Title(Nature.PROCEDURE, "程序次序不符", "The procedure does not allow this step here")
    STANDS_IN_THE_WAY = _Title(Nature.PROCEDURE, "后续事项以此为据", "Later entries stand on this one")
    NOT_STANDING = _Title(Nature.PROCEDURE, "所指事项不在册", "What this refers to is not on record")
    ALREADY_STANDING = _Title(Nature.PROCEDURE, "此事项已在册", "This is on record already")
    ALREADY_CLAIMED = _Title(Nature.PROCEDURE, "已有同一事项的记录", "Another record holds this place")
    NOT_ELIGIBLE = _Title(Nature.PROCEDURE, "条件不具备", "The conditions are not met")
    BUNDLE_TOO_LARGE = _Title(Nature.PROCEDURE, "证据包过大", "The bundle would be too large")
    NO_SCHEME = _Title(Nature.PROCEDURE, "该年度没有考核办法", "No scheme judges that year")
    SCHEME_NOT_IN_FORCE = _Title(Nature.PROCEDURE, "不是该年度的考核办法", "Another scheme judges that year")
    NO_MAJORITY = _Title(Nature.PROCEDURE, "未过半数", "Not more than half in favour")
    INCOMPLETE = _Title(Nature.PROCEDURE, "尚有步骤未完成", "Steps are still missing")
    OVERDRAWN = _Title(Nature.PROCEDURE, "超出核定金额", "More than the amount approved")
    ABOVE_CAP = _Title(Nature.PROCEDURE, "超出指标分值", "More points than the indicator has left")
    FOREIGN_EVIDENCE = _Title(Nature.PROCEDURE, "与该新城无关", "This does not concern the New City")
    ALREADY_DEDUCTED = _Title(Nature.PROCEDURE, "同一问题已扣分", "The finding has been deducted for already")
    NOT_BORNE_OUT = _Title(Nature.PROCEDURE, "台账不支持此扣分", "The finding does not bear the deduction out")
    REVOKED = _Title(Nature.PROCEDURE, "扣分已撤销", "The deduction has been revoked")
    HEAVIER = _Title(Nature.PROCEDURE, "加重处理", "Heavier than the deduction disputed")
    ALREADY_DISPUTED = _Title(Nature.PROCEDURE, "已提出过申诉", "The deduction has been disputed already")
    PAST_LIMIT = _Title(Nature.PROCEDURE, "已过期限", "The time for this has passed")
    UNKNOWN_CALENDAR = _Title(Nature.PROCEDURE, "工作日历缺年份", "The working days of that year are not known")
    NO_HEARING = _Title(Nature.PROCEDURE, "未经听证", "No hearing has been held")
    WRONG_PANEL = _Title(Nature.PROCEDURE, "合议组不合要求", "The panel is not one that may rule")
    ALREADY_SUPERSEDED = _Title(Nature.PROCEDURE, "已被另一报告取代", "Another report takes its place already")
    NOT_CORRECTABLE = _Title(Nature.PROCEDURE, "此事项不得以更正处理", "This event can't be corrected")
    RETRACTED = _Title(Nature.PROCEDURE, "所指事项已作废", "The event has been retracted")
    CONSEQUENCE = _Title(Nature.PROCEDURE, "结果事项不得单独更正", "A consequence is corrected with its cause")
    PERSON_ERASED = _Title(Nature.PROCEDURE, "此人信息已清除", "This person has been erased")
    CHECK_FAILED = _Title(Nature.PROCEDURE, "与台账核对不符", "What was sent differs from what the log says")

    @property
    def slug(self) -> str:
        """The code as clients see it: `already-open`."""
        return self.name.lower().replace("_", "-")

    @property
    def nature(self) -> Nature:
        """What kind of fault it is."""
        return self.value.nature

    def title(self, language: str) -> str:
        """Its title in `zh` or `en`."""
        return self.value.zh if language == "zh" else self.value.en


class FieldError(NamedTuple):
    """One field at fault: a JSON pointer into the request, and what is wrong with it."""

    pointer: str
    detail: str


class Refused(Exception):  # noqa: N818  # a refusal is an answer, not an error
    """The log will not take this; nothing has been recorded.

    Carries the code, a sentence with the figures that led to it, the clause that forbids it where one does, the log
    positions that stand in the way, and the fields at fault.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        clause: str | None = None,
        positions: Sequence[int] = (),
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.clause = clause
        self.positions = tuple(positions)
        self.errors = tuple(errors)
