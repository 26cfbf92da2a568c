"""What is recorded in the system's own name: a ledger's opening, accounts and their keys, another signing key."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from application.access import KEY_PREFIX, key_digest
from application.commands import Command, Proposal
from application.committing import Recorder
from application.drafting import content_of
from domain.account import AccountOpened, KeyIssued, RolesGranted, roles
from domain.fact import Fact, Person
from domain.ledger import LedgerOpened, SigningKeyRotated
from domain.log import Stored
from domain.new_area import NewAreaRegistered
from domain.offices import SYSTEM
from domain.refusals import Code, Refused
from domain.schemes import FIRST, first_scheme

if TYPE_CHECKING:
    from api.composition import Taizhang

ADMINISTRATOR = "administrator"
NEW_AREA_NAME = "陕西省西咸新区"


APPROVED_ON = date(2014, 1, 6)
"""The day on which the State Council approved the New Area."""
SINCE = date(2019, 12, 10)
"""The day from which the ledger keeps records: the policy's own date (its last paragraph)."""


def found(ledger: Taizhang) -> str:
    """Record what opens every ledger: itself, the New Area, its first administrator and the first scheme.

    Returns the administrator's API key.
    """
    token = new_key()
    key = ledger.keys.signing_key
    opening: list[tuple[str, Fact]] = [
        ("ledger/ledger", LedgerOpened(origin=key.origin, key=key.verifier_key)),
        (
            f"accounts/{ADMINISTRATOR}",
            AccountOpened(
                person=Person(id=ADMINISTRATOR, name="台账管理员"), office="new-area", roles=("administrator",)
            ),
        ),
        (f"accounts/{ADMINISTRATOR}", KeyIssued(key="first", sha256=key_digest(token))),
    ]
    opening.append((f"schemes/{FIRST}", first_scheme()))
    new_area = _proposal("new-area/xixian", NewAreaRegistered(name=NEW_AREA_NAME), APPROVED_ON)
    proposals = (new_area, *(_proposal(record, fact, SINCE) for record, fact in opening))
    ledger.recorder.record(Command(SYSTEM.account, proposals), timeout=60)
    return token


def issue_key(
    ledger: Taizhang, account: str, office: str, bureau: str | None, wanted: Sequence[str], name: str | None = None
) -> str:
    """Open the account if it is new, grant it what roles it lacks, and issue it an API key, which is returned.

    The system records it: the command line belongs to whoever holds the ledger's directory, not to an account.
    Raises Refused for an account of another office, and as recording does.
    """
    record = f"accounts/{account}"
    state = ledger.asking.histories.at(record, ledger.log.head()[0]).state
    facts: list[tuple[str, Fact]] = []
    on = SINCE
    if state is None:
        opened = AccountOpened.model_validate(
            {
                "person": {"id": account, "name": name or account},
                "office": office,
                "bureau": bureau,
                "roles": tuple(dict.fromkeys(wanted)),
            },
        )
        facts.append((record, opened))
    else:
        if (state.value("office"), state.value("bureau")) != (office, bureau):
            raise Refused(Code.ALREADY_OPEN, f"{record} is an account of {state.value('office')}")
        on = max(SINCE, state.fields["office"].effective_on)
        lacking = tuple(role for role in dict.fromkeys(wanted) if role not in roles(state))
        if lacking:
            facts.append((record, RolesGranted.model_validate({"roles": lacking})))
    token = new_key()
    facts.append((record, KeyIssued(key=f"key-{secrets.token_hex(4)}", sha256=key_digest(token))))
    record_as_system(ledger.recorder, facts, on)
    return token


def begin_rotation(ledger: Taizhang, reasons: str, on: date) -> str:
    """Make the key that is to follow, if there is none yet, and record it on a day; both sign from here on.

    Returns its verifier key.
    """
    following = ledger.keys.prepare_rotation().verifier_key
    declared = ledger.asking.histories.at("ledger/ledger", ledger.log.head()[0]).state
    if declared is None or following not in declared.items("keys"):
        fact = SigningKeyRotated(key=following, reasons=reasons)
        record_as_system(ledger.recorder, [("ledger/ledger", fact)], on)
    return following


def new_key() -> str:
    """A new API key, of 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def record_as_system(recorder: Recorder, facts: Sequence[tuple[str, Fact]], on: date = SINCE) -> Sequence[Stored]:
    """Record facts in the system's own name, effective on a day. Raises as recording does."""
    proposals = tuple(_proposal(record, fact, on) for record, fact in facts)
    return recorder.record(Command(SYSTEM.account, proposals), timeout=60).entries


def _proposal(record: str, fact: Fact, on: date) -> Proposal:
    return Proposal(record, content_of(record.partition("/")[0], fact, on))
