"""Whether a command may be recorded, and everything that it brings about.

Rights first, then the idempotency key, then versions, then guards, in the order of the command's items, each seeing
what the ones before it leave. What is admitted is staged on the view; the caller makes it durable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from application.commands import Command, Proposal
from application.correcting import Change, consequence_changes, correction_target, dependents_hold, retraction_allowed
from application.drafting import Place, Planned, Seal, content_of, planned
from application.names import Sealed
from application.records_view import RecordsView
from application.rights import WithOpened, may_record
from domain.account import actor as account_actor
from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Content
from domain.fact import Fact, Person
from domain.history import History, merged
from domain.log import Stored
from domain.offices import SYSTEM, Actor
from domain.records import AGGREGATES, aggregate
from domain.refusals import Code, FieldError, Refused
from domain.state import State, Step


class Attachments(Protocol):
    """The files that entries may name."""

    def missing(self, digests: Iterable[str]) -> Sequence[str]:
        """Those of the SHA-256 digests that have not been uploaded."""
        ...


class Replay(NamedTuple):
    """The command was recorded before under the same idempotency key."""

    entries: Sequence[Stored]


class Judge:
    """Judges commands one after the other against a view."""

    def __init__(
        self,
        view: RecordsView,
        *,
        seal: Seal,
        open_name: Callable[[Sealed], str | None],
        attachments: Attachments,
    ) -> None:
        self._view = view
        self._seal = seal
        self._open_name = open_name
        self._attachments = attachments
        self._actors: dict[str, tuple[History, Actor]] = {}

    def prepare(self, commands: Iterable[Command]) -> None:
        """Read at once what judging these commands will look at: their records, and what names what they open."""
        records: list[str] = []
        targets: list[str] = []
        for command in commands:
            records.append(f"accounts/{command.account}")
            for item in command.proposals:
                kind = aggregate(item.record.partition("/")[0])
                named = [record for _, record in item.fact.referred()]
                records += (item.record, *named)
                if isinstance(item.fact, kind.opening):
                    targets.append(item.record)
                    targets += (record for record in named if record.partition("/")[0] in kind.depends_on)
                targets += item.fact.claims()
        self._view.prefetch(record for record in records if record.partition("/")[0] in AGGREGATES)
        self._view.look_up(targets)

    def judge(self, command: Command, first_position: int) -> list[Planned] | Replay:
        """The entries that the command comes to, staged on the view, or the answer it was given before.

        `first_position` is the position that its first entry will have. Raises Refused, and the caller drops what was
        staged.
        """
        actor = self.actor(command.account)
        self._check_rights(actor, command.proposals)
        if command.idempotent is not None:
            recorded = self._view.command(f"{command.account} {command.idempotent.key}")
            if recorded:
                return self.replay(recorded, command.idempotent.mac)
        for index, item in enumerate(command.proposals):
            if item.if_version is not None:
                version = self._view.history(item.record).version
                if item.if_version != version:
                    raise Refused(
                        Code.VERSION_MOVED,
                        f"{item.record} is at version {version}, not {item.if_version}",
                        errors=_at(command, index, "/if_version"),
                    )
        plan: list[Planned] = []
        for index, item in enumerate(command.proposals):
            try:
                self._judge_item(actor, item, plan, first_position)
            except Refused as refusal:
                if command.is_batch:
                    raise placed(refusal, index) from None
                raise
        return plan

    @staticmethod
    def replay(recorded: Sequence[Stored], mac: str) -> Replay:
        """The earlier answer, where the request is the same. Raises Refused where it is another."""
        if f'"mac":"{mac}"'.encode() not in recorded[0].entry.partition(b"\n")[0]:
            raise Refused(Code.IDEMPOTENCY_REUSED, "this Idempotency-Key was used for another request")
        return Replay(recorded)

    def actor(self, account: str) -> Actor:
        """Who acts, with the rights that the account has now. Raises Refused for a closed or unknown account."""
        if account == SYSTEM.account:
            return SYSTEM
        history = self._view.history(f"accounts/{account}")
        held = self._actors.get(account)
        if held is not None and held[0] is history:
            return held[1]
        state = history.state
        if state is None or state.status != "open":
            raise Refused(Code.NOT_ENTITLED, "the account is not open")
        step = state.fields["person"]
        person: Person = state.value("person")
        source = step.source("person")
        sealed = Sealed(person.id, f"accounts/{account}", source.version, f"{source.pointer}/person/name", person.name)
        name = self._open_name(sealed)
        actor = account_actor(account, state)._replace(name=name)
        if len(self._actors) > 10_000:  # noqa: PLR2004  # a bound, not a figure
            self._actors.clear()
        self._actors[account] = (history, actor)
        return actor

    def forget_names(self) -> None:
        """Keep no name in memory: somebody has been erased."""
        self._actors.clear()

    def _check_rights(self, actor: Actor, items: Sequence[Proposal]) -> None:
        opened: dict[str, Step[Fact]] = {}
        records = WithOpened(self._view, opened)
        for item in items:
            fact: Fact = item.fact
            if isinstance(fact, EventCorrected | EventRetracted):
                history = self._view.history(item.record)
                if not 1 <= fact.version <= history.version:
                    if item.record in opened:
                        continue
                    raise _unknown_version(history, fact)
                fact = history.entry(history.original(fact.version)).fact
                if isinstance(fact, EventRetracted):
                    continue
            may_record(actor, item.record, fact, records)
            kind = aggregate(item.record.partition("/")[0])
            if isinstance(fact, kind.opening) and item.record not in opened:
                opened[item.record] = Step(fact, item.content.effective_on, 0, 0)

    def _judge_item(self, actor: Actor, item: Proposal, plan: list[Planned], first_position: int) -> None:
        content, record = item.content, item.record
        digests = _digests(content)
        missing = self._attachments.missing(digests) if digests else ()
        if missing:
            raise Refused(
                Code.UNKNOWN_ATTACHMENT,
                f"{len(missing)} attachment(s) named here have not been uploaded",
                errors=[FieldError("/evidence", digest) for digest in missing],
            )
        before = self._view.history(record)
        fact = content.data
        kind = aggregate(record.partition("/")[0])
        if isinstance(fact, EventCorrected | EventRetracted):
            self._correct(actor, record, content, before, plan, first_position)
            return
        if before.state is None and not isinstance(fact, kind.opening):
            raise Refused(Code.NOT_FOUND, f"there is no {record}")
        self._check_references(fact)
        index = len(plan)
        after = self._write(actor, record, content, type(fact), None, plan, first_position)
        after.admitted_after(before)
        position = first_position + index
        step = after.steps[-1]
        if step.position != position:
            step = next(step for step in after.steps if step.position == position)
        kind.conditions(record, before.state, step, self._view)
        state = after.state
        if state is None:
            raise AssertionError(record)
        for one in kind.consequences(record, state, step, self._view):
            consequence = content_of(one.record.partition("/")[0], one.fact, effective_on=one.effective_on)
            earlier = self._view.history(one.record)
            later = self._write(actor, one.record, consequence, type(one.fact), index, plan, first_position)
            later.admitted_after(earlier)

    def _correct(
        self, actor: Actor, record: str, content: Content, before: History, plan: list[Planned], first_position: int
    ) -> None:
        fact = content.data
        if not isinstance(fact, EventCorrected | EventRetracted):
            raise TypeError(fact)
        target = correction_target(before, fact)
        index = len(plan)
        after = self._write(actor, record, content, type(target.fact), None, plan, first_position)
        after.admitted_after(before)
        changed = {step.position: step for step in after.steps}.get(target.position)
        if changed is not None:
            self._check_references(changed.fact, pointer="/data/data")
        changes = tuple(consequence_changes(record, before, after, target.position, self._view))
        for change in changes:
            self._change_consequence(actor, change, index, plan, first_position)
        for one in (record, *(change.record for change in changes)):
            # Only now: what is taken back together doesn't stand in its own way.
            if self._view.history(one).state is None:
                retraction_allowed(one, self._view)
        for step in after.steps:
            # Whatever stands again, or stands otherwise, must be allowed by the other records as they are now.
            after.aggregate.conditions(record, after.state, step, self._view)
        dependents_hold(record, self._view)

    def _change_consequence(
        self, actor: Actor, change: Change, cause: int, plan: list[Planned], first_position: int
    ) -> None:
        earlier = self._view.history(change.record)
        original = earlier.entry(change.version).fact
        content = content_of(change.record.partition("/")[0], change.fact, effective_on=change.decided_on)
        later = self._write(actor, change.record, content, type(original), cause, plan, first_position)
        later.admitted_after(earlier)

    def _write(
        self,
        actor: Actor,
        record: str,
        content: Content,
        target: type[Fact],
        cause: int | None,
        plan: list[Planned],
        first_position: int,
    ) -> History:
        """Plan an entry and stage it; returns its record's longer history."""
        history = self._view.history(record)
        refers_to = _refers_to(history, content.data)
        causation = None if cause is None else first_position + cause
        place = Place(record, history.version + 1, first_position + len(plan), cause, causation)
        entry = planned(content, place, actor, target=target, refers_to=refers_to, seal=self._seal)
        plan.append(entry)
        return self._view.stage(history, entry.entry, refers_to)

    def _check_references(self, fact: Fact, pointer: str = "/data") -> None:
        for field, record in fact.referred():
            if self._known(record) is None:
                raise Refused(
                    Code.UNKNOWN_REFERENCE,
                    f"{record} is not on record",
                    errors=[FieldError(f"{pointer}/{field}", f"there is no {record}")],
                )

    def _known(self, record: str) -> State | None:
        return self._view.state(record) if record.partition("/")[0] in AGGREGATES else None


def _refers_to(history: History, fact: Fact) -> tuple[str, ...]:
    if isinstance(fact, EventRetracted):
        return ()
    if isinstance(fact, EventCorrected):
        original = history.entry(history.original(fact.version)).position
        fact = merged(next(step.fact for step in history.steps if step.position == original), fact.data)
    return tuple(dict.fromkeys((*(record for _, record in fact.referred()), *fact.claims())))


def _digests(content: Content) -> tuple[str, ...]:
    document = content.document.sha256 if content.document is not None else None
    return content.evidence if document is None else (*content.evidence, document)


def _unknown_version(history: History, fact: Any) -> Refused:  # noqa: ANN401  # either correction
    if history.version == 0:
        return Refused(Code.NOT_FOUND, "there is no such record")
    return Refused(
        Code.UNKNOWN_REFERENCE,
        f"the record has versions 1 to {history.version}, not {fact.version}",
        errors=[FieldError("/data/version", f"1 to {history.version}")],
    )


def _at(command: Command, index: int, pointer: str) -> list[FieldError]:
    return [FieldError(f"/entries/{index}{pointer}", "the record has moved on")] if command.is_batch else []


def placed(refusal: Refused, index: int) -> Refused:
    """The refusal of one item of a batch, its pointers those of the batch."""
    prefix = f"/entries/{index}"
    errors = [
        error if error.pointer.startswith("/entries/") else FieldError(f"{prefix}{error.pointer}", error.detail)
        for error in refusal.errors
    ]
    return Refused(
        refusal.code,
        refusal.detail,
        clause=refusal.clause,
        positions=refusal.positions,
        errors=errors or [FieldError(prefix, refusal.detail)],
    )
