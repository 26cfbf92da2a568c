"""An append whose answer is lost ends as exactly one entry, or as nothing, and the caller learns which."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError

from domain.log import Draft
from infrastructure.postgres.database import Connection, Database
from infrastructure.postgres.embedded import SOCKET_NAME, EmbeddedServer, ServerFailed
from infrastructure.postgres.migrating import migrate
from infrastructure.postgres.outcomes import Behind, Unsettled
from infrastructure.postgres.reader import LogReader
from infrastructure.postgres.writer import LogWriter

Drafting = Callable[..., Draft]
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'taizhang writer'"
BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ledger.turn'::regclass"


class Relay(threading.Thread):
    """Stands between clients and the server's socket, and loses what it is told to lose."""

    def __init__(self, directory: Path, server: EmbeddedServer) -> None:
        super().__init__(daemon=True)
        self.directory = directory
        self._upstream = str(server.sockets / SOCKET_NAME)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(directory / SOCKET_NAME))
        self._listening.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._servers: dict[socket.socket, socket.socket] = {}
        self._clients: dict[socket.socket, socket.socket] = {}
        self._closing = False
        self.lose_answers = False
        self.refuse = False
        self.start()

    def close(self) -> None:
        self._closing = True
        self.join()

    def cut(self) -> None:
        """Drop the clients; the server doesn't notice while it is busy."""
        for client in list(self._servers):
            client.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(0.02):
                source = cast("socket.socket", key.fileobj)
                if source is self._listening:
                    self._accept()
                elif source in self._servers:
                    self._ask(source)
                elif source in self._clients:
                    self._answer(source)
        for open_socket in (self._listening, *self._servers, *self._clients):
            open_socket.close()
        self._selector.close()

    def _accept(self) -> None:
        client, _ = self._listening.accept()
        if self.refuse:
            client.close()
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._upstream)
        self._servers[client], self._clients[server] = server, client
        self._selector.register(client, selectors.EVENT_READ)
        self._selector.register(server, selectors.EVENT_READ)

    def _ask(self, client: socket.socket) -> None:
        asked = _received(client)
        if not asked or not _passed_on(self._servers[client], asked):
            self._leave(client)

    def _answer(self, server: socket.socket) -> None:
        client = self._clients[server]
        answered = _received(server)
        if client in self._servers and (self.lose_answers or not answered or not _passed_on(client, answered)):
            self.lose_answers = False
            self._leave(client)
        if not answered:
            del self._clients[server]
            self._selector.unregister(server)
            server.close()

    def _leave(self, client: socket.socket) -> None:
        del self._servers[client]
        self._selector.unregister(client)
        client.close()


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(1 << 16)
    except ConnectionResetError:
        return b""


def _passed_on(other: socket.socket, said: bytes) -> bool:
    """Whether the other end still takes it: a server that was killed may have gone a moment before."""
    try:
        other.sendall(said)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


@pytest.fixture
def relay(tmp_path: Path, server: EmbeddedServer) -> Iterator[Relay]:
    made = Relay(tmp_path, server)
    yield made
    made.close()


@pytest.fixture
def relayed(relay: Relay, database: Database) -> Database:
    return Database.at(f"host={relay.directory} user=postgres dbname={database.name}")


@pytest.fixture
def writer(relayed: Database, draft: Drafting) -> Iterator[LogWriter]:
    made = LogWriter(relayed, settle_within=1)
    made.append([draft("r/first")], expected=0)
    yield made
    made.close()


@pytest.fixture
def reader(database: Database) -> Iterator[LogReader]:
    made = LogReader(database)
    yield made
    made.close()


def _await_blocked(connection: Connection, appends: int) -> None:
    while connection.execute(BLOCKED).fetchone() != (appends,):
        pass


@pytest.mark.parametrize("expected", [1, None])
def test_an_answer_lost_after_the_commit_is_found_in_the_log(
    writer: LogWriter, reader: LogReader, relay: Relay, draft: Drafting, expected: int | None
) -> None:
    relay.lose_answers = True
    drafts = [draft("r/1", closes=False), draft("r/2")]
    stored = writer.append(drafts, expected=expected)
    assert stored == reader.entries(1, 10)
    assert [entry.closes for entry in stored] == [False, True]
    assert all(drafted.header.encode() in entry.entry for drafted, entry in zip(drafts, stored, strict=True))


@pytest.mark.parametrize("expected", [1, None])
def test_a_backend_killed_before_its_commit_wrote_nothing_and_the_append_is_made_anew(
    writer: LogWriter, reader: LogReader, database: Database, draft: Drafting, expected: int | None
) -> None:
    with database.connect(None) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN; LOCK TABLE ledger.turn")
        appending = pool.submit(writer.append, [draft("r/1")], expected=expected)
        _await_blocked(other, 1)
        other.execute(KILL)
        _await_blocked(other, 1)  # the second call
        other.rollback()
        assert appending.result(20) == reader.entries(1, 10)


@pytest.mark.parametrize("expected", [1, None])
def test_a_call_cut_off_and_still_running_on_the_server_is_not_doubled(
    writer: LogWriter, reader: LogReader, relay: Relay, database: Database, draft: Drafting, expected: int | None
) -> None:
    with database.connect(None) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN; LOCK TABLE ledger.turn")
        appending = pool.submit(writer.append, [draft("r/1")], expected=expected)
        _await_blocked(other, 1)
        relay.cut()
        _await_blocked(other, 2)  # the first, which nobody hears any more, and the second
        other.rollback()
        assert appending.result(20) == reader.entries(1, 10)


def test_what_others_wrote_meanwhile_is_not_taken_for_ours(
    writer: LogWriter, reader: LogReader, database: Database, draft: Drafting
) -> None:
    for expected, refusal in ((1, Behind), (None, IntegrityError)):
        with database.connect(None) as other, ThreadPoolExecutor(1) as pool:
            other.execute("BEGIN; LOCK TABLE ledger.turn")
            appending = pool.submit(writer.append, [draft("r/contested")], expected=expected)
            _await_blocked(other, 1)
            other.execute(KILL)
            if expected is not None:
                other.execute(
                    "SELECT * FROM ledger.append(1, '{r/contested}', '{1}', '{x}', '{x}', '{x}', '{null}', '{t}',"
                    " '{null}', '{}', '{}')"
                )
            other.commit()
            with pytest.raises(refusal):
                appending.result(20)
    assert reader.head()[0] == 2


def test_a_database_that_stays_away_leaves_the_append_unsettled(
    writer: LogWriter, reader: LogReader, relay: Relay, draft: Drafting
) -> None:
    relay.lose_answers = relay.refuse = True
    drafted = draft("r/1")
    with pytest.raises(Unsettled):
        writer.append([drafted], expected=1)
    assert len(reader.entries(1, 10)) == 1
    with pytest.raises(OperationalError):
        writer.append([draft("r/2")], expected=2)
    relay.refuse = False
    assert writer.append([draft("r/2")], expected=2) == reader.entries(2, 10)


def test_a_server_that_cannot_be_restarted_leaves_the_append_unsettled(
    relayed: Database, relay: Relay, draft: Drafting
) -> None:
    asked: list[str] = []

    def restart() -> None:
        asked.append("restart")
        raise ServerFailed("no")

    writer = LogWriter(relayed, on_lost=restart)
    writer.append([draft("r/1")], expected=0)
    relay.lose_answers = True
    with pytest.raises(Unsettled):
        writer.append([draft("r/2")], expected=1)
    assert asked == ["restart"]
    writer.close()


def test_a_commit_under_the_turn_whose_answer_is_lost_is_found_in_the_log(
    writer: LogWriter, reader: LogReader, relay: Relay, draft: Drafting
) -> None:
    with writer.locked() as append:
        stored = append([draft("r/1")])
        relay.lose_answers = True
    assert reader.entries(1, 10) == stored


def test_a_turn_lost_before_its_commit_wrote_nothing(
    writer: LogWriter, reader: LogReader, database: Database, draft: Drafting
) -> None:
    with pytest.raises(OperationalError), writer.locked() as append:  # noqa: PT012  # what it ends in is the point
        append([draft("r/1")])
        with database.connect(None) as other:
            other.execute(KILL)
    assert reader.head()[0] == 1
    with writer.locked() as append:
        append([draft("r/1")])
    assert reader.head()[0] == 2


def test_what_fails_under_the_turn_writes_nothing_and_lets_others_go_on(
    writer: LogWriter, reader: LogReader, draft: Drafting
) -> None:
    with pytest.raises(ZeroDivisionError), writer.locked() as append:  # noqa: PT012  # the same
        append([draft("r/1")])
        raise ZeroDivisionError
    assert writer.append([draft("r/1")], expected=1) == reader.entries(1, 10)


def test_a_cancelled_wait_for_a_replica_leaves_the_append_unsettled(tmp_path: Path, draft: Drafting) -> None:
    with EmbeddedServer(tmp_path) as server:
        database = Database.embedded(server)
        migrate(database)
        writer = LogWriter(database)
        writer.append([draft("r/1")], expected=0)
        with database.connect(None) as other, ThreadPoolExecutor(1) as pool:
            other.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            other.execute("SELECT pg_reload_conf()")
            waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            waiting = None
            for number in range(2, 1_000):  # the server takes the setting up in its own time
                appending = pool.submit(writer.append, [draft(f"r/{number}")], expected=number - 1)
                while not appending.done() and not (waiting := other.execute(waits).fetchone()):
                    pass
                if waiting:
                    break
            assert not appending.done()
            other.execute("SELECT pg_cancel_backend(%s)", waiting)
            with pytest.raises(Unsettled, match="synchronous replication"):
                appending.result(20)
            other.execute("ALTER SYSTEM RESET synchronous_standby_names")
            other.execute("SELECT pg_reload_conf()")
        assert writer.append([draft("r/last")], expected=number)[0].position == number + 1
        writer.close()
