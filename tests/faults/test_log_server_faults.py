"""The embedded server is shared, survives the deaths of its users and its own, and loses nothing acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from domain.log import Draft
from infrastructure.postgres.database import Database
from infrastructure.postgres.embedded import SOCKET_NAME, EmbeddedServer, ServerFailed
from infrastructure.postgres.migrating import migrate
from infrastructure.postgres.outcomes import Behind
from infrastructure.postgres.reader import LogReader
from infrastructure.postgres.writer import LogWriter

Drafting = Callable[..., Draft]
USER = """
import os
import sys
from pathlib import Path
from infrastructure.postgres.embedded import EmbeddedServer
if sys.argv[2:]:  # only now: root's own interpreter is not for everybody to load
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[2]))
with EmbeddedServer(Path(sys.argv[1])):
    print("up", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_user(directory: Path, *ids: int) -> Generator[subprocess.Popen[str]]:
    """A process that uses the server until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(directory), *map(str, ids)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)


def postmaster(server: EmbeddedServer) -> int:
    pid = server.pid
    assert pid is not None
    return pid


def is_running(server: EmbeddedServer) -> bool:
    return server._answers()


def test_the_last_of_its_users_stops_the_server(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with another_user(tmp_path):
        server.start()
        first = postmaster(server)
    assert postmaster(server) == first
    assert is_running(server)
    with another_user(tmp_path):
        server.stop()
        assert is_running(server)
        assert postmaster(server) == first
    assert not is_running(server)
    assert not server._processes()
    server.stop()


def test_a_killed_user_keeps_nobody_from_stopping_the_server_and_its_orphan_is_taken_over(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with another_user(tmp_path) as other:
        other.kill()
    assert is_running(server)
    orphan = postmaster(server)
    with server, another_user(tmp_path) as other:
        assert postmaster(server) == orphan
        other.kill()
    assert not server._processes()


def test_users_of_one_process_share_it_too(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as first:
        with EmbeddedServer(tmp_path) as second:
            assert postmaster(first) == postmaster(second)
        assert is_running(first)
    assert not is_running(first)


def test_a_forked_child_does_not_stop_its_parents_server(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        holder, server._holder = server._holder, server._holder + 1  # what a child sees
        server.stop()
        assert is_running(server)
        server._holder = holder


def test_a_stale_process_id_of_somebody_else_is_no_server(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with server:
        port = (server.cluster / "postmaster.pid").read_text().splitlines()[1:]
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (server.cluster / "postmaster.pid").write_text("\n".join([str(stranger.pid), *port, ""]))
        (server.sockets / f"{SOCKET_NAME}.lock").write_text(f"{stranger.pid}\n")
        with server:
            assert is_running(server)
            assert postmaster(server) != stranger.pid
        assert stranger.poll() is None
        stranger.kill()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    (tmp_path / "cluster.unfinished").mkdir()
    (tmp_path / "cluster.unfinished" / "PG_VERSION").write_text("18\n")
    with server:
        assert is_running(server)


def test_what_keeps_it_from_starting_is_said(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with server:
        pass
    (server.cluster / "local.conf").write_text("shared_buffers = 'plenty'\n")
    with pytest.raises(ServerFailed, match="plenty"):
        server.start()
    (server.cluster / "local.conf").unlink()
    (server.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerFailed, match="PostgreSQL 17"):
        server.start()
    server.stop()


def test_a_long_or_awkward_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    for name in ("x" * 100, "a, 'b' \"c\" $HOME `d`"):
        with EmbeddedServer(tmp_path / name / "数据") as server:
            assert is_running(server)
            assert len(str(server.sockets)) < 100
            assert server.sockets.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_somebody_without_privileges_runs_it_as_themselves(tmp_path: Path, server: EmbeddedServer) -> None:
    assert server._user is not None
    os.chown(tmp_path, server._user.pw_uid, server._user.pw_gid)
    for folder in tmp_path.parents:
        folder.chmod(folder.stat().st_mode | 0o001)
    directory = tmp_path / "theirs"
    with another_user(directory, server._user.pw_uid, server._user.pw_gid):
        assert (directory / "cluster" / "postmaster.pid").exists()
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not (directory / "cluster" / "postmaster.pid").exists()


def test_kill_minus_nine_under_writers_loses_nothing_acknowledged_and_leaves_no_gap(
    tmp_path: Path, draft: Drafting
) -> None:
    with EmbeddedServer(tmp_path) as server:
        database = Database.embedded(server)
        migrate(database)
        acknowledged: dict[int, str] = {}
        over = threading.Event()

        def write(number: int) -> None:
            writer = LogWriter(database, on_lost=server.ensure_running)
            count = 0
            while not over.is_set():
                count += 1
                drafted = draft(f"r/{number}-{count}")
                stored = writer.append([drafted], expected=None)
                acknowledged[stored[0].position] = drafted.header
            writer.close()

        with ThreadPoolExecutor(8) as pool:
            writing = [pool.submit(write, number) for number in range(8)]
            for _ in range(3):
                reached = len(acknowledged) + 200
                while len(acknowledged) < reached:
                    assert not any(writer.done() for writer in writing)
                    time.sleep(0.01)
                os.kill(postmaster(server), signal.SIGKILL)
            reached = len(acknowledged) + 200
            while len(acknowledged) < reached:
                time.sleep(0.01)
            over.set()
        for writer in writing:
            writer.result()

        reader = LogReader(database)
        log = reader.entries(0, 1_000_000)
        assert [entry.position for entry in log] == list(range(1, len(log) + 1))
        assert len(log) == len(acknowledged)
        assert all(acknowledged[entry.position].encode() in entry.entry for entry in log)
        reader.close()


def test_without_synchronous_commit_the_same_kill_loses_entries(tmp_path: Path) -> None:
    """The control: were it not for durable commits, the test above would fail."""
    server = EmbeddedServer(tmp_path)
    with server:
        database = Database.embedded(server)
        migrate(database)
    (server.cluster / "local.conf").write_text("wal_writer_delay = 10s\nwal_writer_flush_after = 1GB\n")
    with server:
        acknowledged = 0
        with database.connect(None) as careless:
            careless.execute("SET synchronous_commit = off")
            for position in range(1, 501):
                careless.execute(
                    "INSERT INTO ledger.log (position, record, version, name, recorded_at, closes, entry)"
                    " VALUES (%s, 'r', %s, 'x', clock_timestamp(), true, '')",
                    [position, position],
                )
                acknowledged += 1
            os.kill(postmaster(server), signal.SIGKILL)
        server.ensure_running()
        reader = LogReader(database)
        assert reader.head()[0] < acknowledged
        reader.close()


def test_backends_left_by_a_killed_postmaster_are_waited_for(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        killed = postmaster(server)
        with psycopg.connect(host=str(server.sockets), user="postgres", dbname="postgres") as lingering:
            backend = lingering.info.backend_pid
            os.kill(backend, signal.SIGSTOP)
            os.kill(killed, signal.SIGKILL)
            threading.Timer(0.5, os.kill, [backend, signal.SIGCONT]).start()
            server.ensure_running()
        assert is_running(server)
        assert postmaster(server) != killed
        assert not psutil.pid_exists(backend) or psutil.Process(backend).status() == psutil.STATUS_ZOMBIE


def test_whoever_notices_first_that_the_server_died_starts_it_again(tmp_path: Path, draft: Drafting) -> None:
    with EmbeddedServer(tmp_path) as server:
        database = Database.embedded(server)
        migrate(database)
        reader, writer = LogReader(database), LogWriter(database)
        for number in range(2):
            stored = writer.append([draft(f"r/{number}")], expected=number)
            os.kill(postmaster(server), signal.SIGKILL)
            assert reader.entries(number, 10) == stored
        writer.close()
        reader.close()
    with pytest.raises(psycopg.OperationalError, match="not held"):
        database.connect("reader")


def test_who_does_not_hold_the_server_cannot_restart_it(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with pytest.raises(ServerFailed, match="not held"):
        server.ensure_running()


def test_without_a_restart_an_append_fails_in_time_and_works_again_later(tmp_path: Path, draft: Drafting) -> None:
    with EmbeddedServer(tmp_path) as server:
        migrate(Database.embedded(server))
        writer = LogWriter(Database.at(f"host={server.sockets} user=postgres dbname=taizhang"), settle_within=0.5)
        with pytest.raises(Behind):
            writer.append([draft("r/1")], expected=7)
        writer.close()
        os.kill(postmaster(server), signal.SIGKILL)
        begun = time.monotonic()
        with pytest.raises(OperationalError):
            writer.append([draft("r/1")], expected=0)
        assert time.monotonic() - begun < 5
        server.ensure_running()
        assert writer.append([draft("r/1")], expected=0)[0].position == 1
        writer.close()
