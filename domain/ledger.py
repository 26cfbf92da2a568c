"""台账: what the ledger declares of itself: its keys, the heads it sealed, reports issued, persons erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self, TypeAlias, assert_never, get_args

from pydantic import AfterValidator, Field, model_validator
from pydantic import JsonValue as Json

from domain.aggregate import Aggregate, not_standing, standing
from domain.fact import Count, Fact, JsonValue, Key, PersonId, Position, Sha256, Text
from domain.refusals import Code, Refused
from domain.state import State, Step, item_json
from domain.tlog.note import ED25519, parse_verifier_key

DEMONSTRATION = "demo.taizhang.local/"
"""What the origin of a demonstration's ledger begins with: its figures are invented, and say so wherever shown."""

# facts


def _a_verifier_key(key: str) -> str:
    """Check `<name>+<key id, 8 hex digits>+<base64 of 0x01 and the public key>`, the key id being the key's own.

    https://c2sp.org/signed-note
    """
    if parse_verifier_key(key).kind != ED25519:
        raise ValueError("not the key of a log: checkpoints are signed with Ed25519")
    return key


VerifierKey = Annotated[
    str,
    Field(max_length=400, pattern=r"^[^\s+\p{Cc}]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$"),
    AfterValidator(_a_verifier_key),
]
"""A C2SP verifier key of an Ed25519 signing key."""
Origin = Annotated[str, Field(max_length=300, pattern=r"^[^\s+\p{Cc}]+$")]
"""The log's name in checkpoints and keys: no space, no plus (https://c2sp.org/tlog-checkpoint)."""


class LedgerOpened(Fact, stored_as="LedgerOpened/1", zh="建立台账", by="system"):
    """The ledger began, under this name and this key."""

    origin: Origin
    key: VerifierKey

    @model_validator(mode="after")
    def _key_of_origin(self) -> Self:
        if self.key.partition("+")[0] != self.origin:
            raise ValueError("the key signs for another origin")
        return self


class SigningKeyRotated(Fact, stored_as="SigningKeyRotated/1", zh="更换签名密钥", by="administrator"):
    """Checkpoints are signed with this key from here on."""

    key: VerifierKey
    reasons: Text


class HeadsSealed(Fact, stored_as="HeadsSealed/1", zh="封存各记录末端", by="system", latest_only=True):
    """The map of every record to its last version and position, as a sorted Merkle tree, has this root.

    `domain.heads` says how it is made. It takes account of the entries before this one: `tree_size` is their number.
    """

    records: Count
    root_hash: Sha256
    tree_size: Count


class ReportIssued(Fact, stored_as="ReportIssued/1", zh="出具报告", by="inspectorate"):
    """A report was issued: with what it was made, at which tree, and the digest of its bytes."""

    report: Key
    parameters: dict[str, Json]
    tree_size: Count
    root_hash: Sha256
    sha256: Sha256
    supersedes: Position | None = None
    """The position at which the report was issued that this one takes the place of."""


DISCLOSED = "disclosed-names"
"""The report that keys of names are handed out as; its parameters say to whom, and whose."""


class PersonErased(Fact, stored_as="PersonErased/1", zh="清除个人信息", by="administrator"):
    """The key that a person's name is sealed under was destroyed."""

    person: PersonId
    reasons: Text


LedgerFact: TypeAlias = LedgerOpened | SigningKeyRotated | HeadsSealed | ReportIssued | PersonErased

# state: open, for good


# fold


def evolve(ledger: State | None, step: Step[LedgerFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if ledger is None:
        ledger = State("open")
    match step.fact:
        case LedgerOpened(key=key) | SigningKeyRotated(key=key):
            return ledger.say(step).put("keys", key, step)
        case HeadsSealed():
            return ledger.take(step)
        case ReportIssued():
            return ledger.put("reports", step.position, step)
        case PersonErased(person=person):
            return ledger.put("erasures", person, step)
        case _:
            assert_never(step.fact)


def successors(ledger: State) -> Mapping[int, int]:
    """The positions of the reports that have a successor, each with that of the report that takes its place."""
    issued = [item.opened for item in ledger.items("reports").values()]
    return {one.fact.value("supersedes"): one.position for one in issued if one.fact.value("supersedes") is not None}


def reports(ledger: State) -> JsonValue:
    """The reports as they were issued, each with the position of the one that takes its place."""
    following = successors(ledger)
    return [
        item_json(item) | {"superseded_by": following.get(item.opened.position)}
        for item in ledger.items("reports").values()
    ]


# what is admitted


def admit(ledger: State | None, step: Step[LedgerFact]) -> None:
    """Refuse a key of another log or one used before, a second erasure, and a second successor or one to no report."""
    if ledger is None:
        return
    match step.fact:
        case SigningKeyRotated(key=key):
            not_standing(ledger, "keys", key, step)
            origin = ledger.value("origin")
            if key.partition("+")[0] != origin:
                raise Refused(Code.NOT_ELIGIBLE, f"the key signs for another origin than {origin}")
        case ReportIssued(supersedes=int(superseded)):
            standing(ledger, "reports", superseded, step)
            successor = successors(ledger).get(superseded)
            if successor is not None:
                raise Refused(
                    Code.ALREADY_SUPERSEDED,
                    f"the report issued at {superseded} was superseded at {successor}: supersede that one",
                    clause="8.4",
                    positions=(successor,),
                )
        case PersonErased(person=person):
            not_standing(ledger, "erasures", person, step)
        case LedgerOpened() | HeadsSealed() | ReportIssued():
            return
        case _:
            assert_never(step.fact)


LEDGER = Aggregate(
    kind="ledger",
    zh="台账",
    facts=get_args(LedgerFact),
    evolve=evolve,
    admit=admit,
    fields=("origin", "key"),
    lists=("keys", "erasures"),
    worked_out={"reports": reports},
    correctable=False,
    id_pattern="ledger",
)
