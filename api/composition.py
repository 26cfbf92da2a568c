"""The composition root: where the ledger's parts are chosen and put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import platformdirs

from api.administration import found
from application.access import Access
from application.asking import Asking
from application.assessing import Assessing
from application.committing import Recorder
from application.filling import Filling
from application.histories import Histories
from application.judging import Judge
from application.names import Sealed
from application.proving import Proving
from application.records_view import RecordsView
from application.reports import Reports
from application.score_answers import ScoreAnswers
from application.sealing import Binding, Unsealable
from application.sealing_heads import HeadsSealer
from application.signing_on import SignOn
from application.work import Work
from domain.ledger import PersonErased
from domain.log import Stored
from domain.records import VOCABULARY
from domain.tlog.note import parse_verifier_key
from domain.tlog.policy import Policy, parse_policy
from infrastructure.access.passwords import Passwords
from infrastructure.access.reads import Reads
from infrastructure.access.sessions import Sessions
from infrastructure.access.sign_on import Provider
from infrastructure.access.tokens import Linking, Tokens
from infrastructure.attachments import Attachments
from infrastructure.keys import vault
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres import backup
from infrastructure.postgres.database import Database
from infrastructure.postgres.embedded import EmbeddedServer
from infrastructure.postgres.log import Log
from infrastructure.postgres.migrating import migrate
from infrastructure.postgres.tree import LogTree
from infrastructure.postgres.writer import LogWriter
from infrastructure.tlog.keepsake import Guarded
from infrastructure.tlog.publishing import Publishing
from infrastructure.tlog.witness import Witness
from infrastructure.verifying import ledger as verifying
from infrastructure.verifying import served
from infrastructure.views import rebuilding
from infrastructure.views.follower import Follower
from infrastructure.views.record_views import RecordViews

KEPT_CHECKPOINT = "keys/checkpoint"
EMBEDDED = "postgresql"
"""The folder, in the ledger's directory, of the embedded database."""
URL_VARIABLE = "TAIZHANG_DATABASE_URL"
WITNESSES = "TAIZHANG_WITNESSES"
"""The environment variable that names the policy's file."""
VAULT = "vault"
"""The folder, in the ledger's directory, of the keys of persons: no backup of the database holds it."""


class NotInitialised(Exception):  # noqa: N818  # an answer, not an error
    """There is no ledger here yet."""


class ForeignKeys(Exception):  # noqa: N818  # an answer, not an error
    """The keys in the directory are another ledger's."""


class Unreachable(Exception):  # noqa: N818  # an answer, not an error
    """What is served elsewhere can't be read."""


Unrestorable = backup.Unrestorable


class AlreadyInitialised(Exception):  # noqa: N818  # an answer, not an error
    """A ledger was created here before; it stays as it is."""


def now() -> datetime:
    """The clock: the only one that the application is given."""
    return datetime.now(UTC)


def data_directory(chosen: Path | None) -> Path:
    """Where the ledger's keys, and the embedded database, are: as chosen, or the user's data directory."""
    return chosen or platformdirs.user_data_path("taizhang")


@contextmanager
def database(directory: Path) -> Generator[Database]:
    """The database: the one that TAIZHANG_DATABASE_URL names, or the embedded one in the directory, started."""
    url = os.environ.get(URL_VARIABLE)
    if url:
        yield Database.at(url)
        return
    with EmbeddedServer(directory / EMBEDDED) as server:
        yield Database.embedded(server)


def _has_database(directory: Path) -> bool:
    return URL_VARIABLE in os.environ or (directory / EMBEDDED).exists()


def _keys_at_hand(directory: Path) -> KeyRing | None:
    try:
        return KeyRing.open(directory)
    except FileNotFoundError:
        return None


def _keys(directory: Path) -> KeyRing:
    """The keys of the ledger in a directory. Raises NotInitialised where there are none."""
    keys = _keys_at_hand(directory)
    if keys is None:
        raise NotInitialised(f"there is no ledger in {directory}: taizhang init creates one")
    return keys


@dataclass(frozen=True)
class Taizhang:
    """A running ledger."""

    directory: Path
    database: Database
    keys: KeyRing
    log: Log
    recorder: Recorder
    asking: Asking
    assessing: Assessing
    scores: ScoreAnswers
    reports: Reports
    work: Work
    filling: Filling
    access: Access
    views: RecordViews
    follower: Follower | None
    heads: HeadsSealer
    field_key: Callable[[Sealed], bytes | None]
    """The key that opens one sealed name, to be disclosed; None for a person who has been erased."""
    proving: Proving
    tree: Publishing
    attachments: Attachments
    passwords: Passwords
    sessions: Sessions
    tokens: Tokens | None
    sign_on: SignOn | None
    linking: Linking
    reads: Reads

    def health(self) -> dict[str, object]:
        """Whether the ledger can answer: the log's head, how far the views follow, and what stopped them."""
        head, _ = self.log.head()
        position = self.views.position()
        failure = None if self.follower is None else self.follower.failure()
        refused = self.tree.guard.reason()
        return {
            "ready": failure is None and refused is None,
            "head": head,
            "views": {"position": position, "lag": head - position, "failure": failure},
            "heads": {"failure": self.heads.failure()},
            "tree": self.tree.health(),
            "writing": {"refused": refused},
        }

    def trust(self) -> str:
        """Whom whoever checks this ledger has to believe, as a C2SP tlog-policy."""
        head, _ = self.log.head()
        ledger = self.asking.histories.at("ledger/ledger", head).state
        keys = [] if ledger is None else [parse_verifier_key(str(key)) for key in ledger.items("keys")]
        return str(self.tree.trusted(keys))

    def rebuild_views(self, progress: rebuilding.Told) -> int:
        """Build the views anew beside the live ones and put them in their place; see `rebuilding.rebuild`."""
        return rebuilding.rebuild(self.database, progress)

    def views_far_behind(self) -> bool:
        """Whether following the log to its head would take longer than building the views anew."""
        head, _ = self.log.head()
        return rebuilding.is_quicker(self.views.position(), head)

    def check_views(self, progress: rebuilding.Told) -> rebuilding.Difference | None:
        """Where the live views first differ from what the log gives; see `rebuilding.check`."""
        return rebuilding.check(self.database, progress)


@contextmanager
def opened(directory: Path, *, follow: bool = True, witnesses: Path | None = None) -> Generator[Taizhang]:
    """The ledger in a directory, running until the block ends. Raises NotInitialised where there is none.

    `follow` keeps the views up to date and the log sealed; several processes may, and one of them works. `witnesses` is
    the file of a policy, a C2SP tlog-policy, whose witnesses are asked; else the one that TAIZHANG_WITNESSES names.
    """
    with ExitStack() as stack:
        ring = _keys(directory)
        base = stack.enter_context(database(directory))
        migrate(base)
        ledger = stack.enter_context(running(directory, base, ring, follow=follow, witnesses=witnesses))
        head, _ = ledger.log.head()
        if head == 0:
            raise NotInitialised(f"the ledger in {directory} has no entries: taizhang init creates it")
        declared = ledger.asking.histories.at("ledger/ledger", head).state
        if declared is None or ring.signing_key.verifier_key not in declared.items("keys"):
            raise ForeignKeys(f"the keys in {directory} are not those of the ledger in this database")
        yield ledger


@contextmanager
def running(
    directory: Path, base: Database, ring: KeyRing, *, follow: bool, witnesses: Path | None = None
) -> Generator[Taizhang]:
    """The parts put together over a migrated database, until the block ends."""
    with ExitStack() as stack:
        restart = base.server.ensure_running if base.server is not None else None
        log = Log(base, on_lost=restart)
        stack.callback(log.close)
        pool = base.pool("writer", 1, 8)
        stack.callback(pool.close)
        names = _Names(vault.Vault(directory / VAULT, ring.vault_key_path))
        names.forget_erased(log.of_records(("ledger/ledger",))["ledger/ledger"])
        attachments = Attachments(pool.connection)
        turn = LogWriter(base, on_lost=restart)
        stack.callback(turn.close)
        tree = Publishing(base, ring, log, _policy(witnesses))
        stack.callback(tree.close)
        proving = tree.proving
        heads = HeadsSealer(log, Guarded(turn, tree.guard), now)
        view = RecordsView(log)
        judge = Judge(view, seal=names.seal, open_name=names.open, attachments=attachments)

        def forget_erased(stored: Sequence[Stored]) -> None:
            if names.forget_erased(stored):
                judge.forget_names()

        recorder = Recorder(view, judge, Guarded(log, tree.guard), on_durable=forget_erased)
        stack.callback(recorder.close)
        views = RecordViews(base)
        stack.callback(views.close)
        follower = Follower(base) if follow else None
        if follower is not None:
            follower.start()
            stack.callback(follower.stop)
            heads.start()
            stack.callback(heads.stop)
            tree.start()
        asking = Asking(log, views, names, now, proving)
        assessing = Assessing(asking.histories)
        scores = ScoreAnswers(assessing, asking.histories, names)
        stack.callback(scores.boards.close)
        reads = Reads(pool.connection, now)
        stack.callback(reads.close)
        if follow:
            reads.start()
        access = Access(asking.histories, log, views, now)
        yield Taizhang(
            directory=directory,
            database=base,
            keys=ring,
            log=log,
            recorder=recorder,
            asking=asking,
            assessing=assessing,
            scores=scores,
            reports=Reports(asking, scores),
            work=Work(asking, scores),
            filling=Filling(asking, assessing, access, LogTree(log.reader).root, lambda: log.head()[0]),
            access=access,
            views=views,
            follower=follower,
            heads=heads,
            field_key=names.field_key,
            proving=proving,
            tree=tree,
            attachments=attachments,
            passwords=Passwords(pool.connection),
            sessions=Sessions(pool.connection),
            tokens=Tokens.from_environment(pool.connection, os.environ),
            sign_on=Provider.from_environment(pool.connection, os.environ),
            linking=Linking(pool.connection),
            reads=reads,
        )


def open_witness(directory: Path, name: str, logs: Sequence[str]) -> Witness:
    """The witness in a directory, which follows the logs of these verifier keys. Raises ValueError for a bad key."""
    return Witness.open(directory, name, [parse_verifier_key(log) for log in logs], lambda: int(now().timestamp()))


def _policy(chosen: Path | None) -> Policy | None:
    """The witnesses' policy, where there is one. Raises Malformed, and OSError where its file can't be read."""
    named = os.environ.get(WITNESSES)
    path = chosen or (Path(named) if named else None)
    return None if path is None else parse_policy(path.read_bytes())


class _Names:
    """Names of persons, sealed and opened by the vault, as the application asks for it."""

    def __init__(self, persons: vault.Vault) -> None:
        self._persons = persons

    def seal(self, person: str, record: str, version: int, pointer: str, name: str) -> str | None:
        try:
            return self._persons.seal(Binding(person, record, version, pointer), name)
        except vault.PersonErased:
            return None

    def open(self, sealed: Sealed) -> str | None:
        """The name; None where it can't be known any more: whether a token was altered is for the log's hashes."""
        try:
            return self._persons.open(
                Binding(sealed.person, sealed.record, sealed.version, sealed.pointer), sealed.token
            )
        except Unsealable:
            return None

    def open_many(self, sealed: Sequence[Sealed]) -> Sequence[str | None]:
        return [self.open(one) for one in sealed]

    def field_key(self, sealed: Sealed) -> bytes | None:
        return self._persons.field_key(Binding(sealed.person, sealed.record, sealed.version, sealed.pointer))

    def forget_erased(self, stored: Sequence[Stored]) -> bool:
        """Destroy the keys of the persons that these entries erase; done again, it changes nothing.

        Returns whether any did.
        """
        erased = [
            fact.person
            for one in stored
            if b'"PersonErased/' in one.entry
            for fact in (VOCABULARY.read(one.entry).fact,)
            if isinstance(fact, PersonErased)
        ]
        for person in erased:
            self._persons.destroy(person)
        return bool(erased)


def verified(directory: Path, since: Sequence[bytes], progress: verifying.Told) -> verifying.Verdict:
    """Re-read the whole ledger in a directory, and what is derived from it; see `verifying.verify`.

    `since` are checkpoints, as notes, that somebody kept. Nothing of the ledger is opened before it is verified; its
    keys need not be there, as after a restore. Raises NotInitialised where there is no ledger, ForeignKeys where it is
    sound and another's.
    """
    keys = _keys_at_hand(directory)
    if keys is None and not _has_database(directory):
        raise NotInitialised(f"there is no ledger in {directory}: taizhang init creates one")
    with database(directory) as base:
        beside = directory / KEPT_CHECKPOINT
        kept = [*since, beside.read_bytes()] if beside.exists() else since
        verdict = verifying.verify(base, kept, progress)
        if verdict.fault is None:
            with ExitStack() as stack:
                log = Log(base, readers=1)
                stack.callback(log.close)
                if verdict.size == 0:
                    raise NotInitialised(f"the ledger in {directory} has no entries: taizhang init creates it")
                declared = Histories(log).at("ledger/ledger", verdict.size).state
                if declared is None or (keys and keys.signing_key.verifier_key not in declared.items("keys")):
                    raise ForeignKeys(f"the keys in {directory} are not those of the ledger in this database")
        return verdict


def verified_from_afar(
    url: str, keys: Sequence[str], since: Sequence[bytes], token: str | None, progress: verifying.Told
) -> verifying.Verdict:
    """Verify a ledger that is served somewhere, by its verifier keys alone; see `served.verify`.

    Raises Malformed for what is no verifier key, Unreachable where the server doesn't answer as a log does.
    """
    try:
        return served.verify(url, [parse_verifier_key(key) for key in keys], since, token, progress)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{url}: {error}") from None


def back_up(directory: Path, file: Path, progress: backup.Told) -> backup.Backup:
    """Write the ledger's database into a file; see `backup.write`. Keys, of the ledger and of persons, aren't in it."""
    _keys(directory)
    with database(directory) as base:
        migrate(base)
        return backup.write(base, file, progress)


def restore(directory: Path, file: Path, progress: backup.Told) -> backup.Backup:
    """Put a backup into the ledger's database, which has no entries yet, and build its views; see `backup.read`.

    Raises Unrestorable, and ForeignKeys where the directory has another ledger's keys.
    """
    told = backup.described(file)
    keys = _keys_at_hand(directory)
    if keys is not None and keys.signing_key.verifier_key not in told.keys:
        raise ForeignKeys(f"the keys in {directory} are not those of the ledger in {file}")
    with database(directory) as base:
        migrate(base)
        restored = backup.read(base, file, progress)
        rebuilding.rebuild(base, lambda _done, _of: None)
        return restored


def initialise(directory: Path, origin: str) -> tuple[str, str]:
    """Create a ledger, once; returns the verifier key and the administrator's first API key.

    Raises AlreadyInitialised where there is one. An `init` that was cut off before anything was recorded is finished.
    """
    with database(directory) as base:
        migrate(base)
        with base.connect("reader") as connection:
            if connection.execute("SELECT EXISTS (SELECT FROM ledger.log)").fetchone() == (True,):
                raise AlreadyInitialised("there is a ledger already")
        try:
            ring = KeyRing.create(directory, origin)
        except FileExistsError:
            ring = KeyRing.open(directory)
        with running(directory, base, ring, follow=False) as ledger:
            return ring.signing_key.verifier_key, found(ledger)
