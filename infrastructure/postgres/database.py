"""How to reach the database in each of its roles: embedded or by URL, the same code for both."""

from __future__ import annotations

import selectors
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, TypeAlias

import psycopg
from psycopg import sql
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool
from typing_extensions import override

from infrastructure.postgres.embedded import SUPERUSER, EmbeddedServer, ServerFailed

Role: TypeAlias = Literal["owner", "writer", "projector", "reader", "sealer"]
Row: TypeAlias = tuple[Any, ...]

CONNECT_WITHIN: Final = 10
"""Seconds for a connection to be made."""
STATEMENT_WITHIN: Final[dict[Role, str]] = {"writer": "30s", "reader": "30s"}
"""What a statement may take where somebody waits for it; migrations and projections may take long."""

ANSWER_WITHIN: Final = 45.0
"""Seconds after which such a connection is given up: its server has not even cancelled the statement."""

CONNECTION: Final[dict[str, Any]] = {
    "client_encoding": "utf8",
    "connect_timeout": CONNECT_WITHIN,
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Connection(psycopg.Connection[Row]):
    """A connection; `answer_within` bounds every wait on it, so that a server that fell silent holds nobody up."""

    answer_within: float | None = None

    @override
    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.answer_within)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name
            self.close()
            raise psycopg.OperationalError(f"no answer within {self.answer_within} s") from error


class AnsweringConnection(Connection):
    """A connection of a role that somebody waits for."""

    answer_within = ANSWER_WITHIN


Pool: TypeAlias = ConnectionPool[Connection]
Connect: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""Lends a connection that is in no transaction, as a pool's `connection` does."""


@dataclass(frozen=True)
class Database:
    """One database of one server; `embedded` or `at` makes it."""

    conninfo: str = field(repr=False)
    """Connects as whoever administers the database."""
    server: EmbeddedServer | None = field(default=None, repr=False)

    @classmethod
    def embedded(cls, server: EmbeddedServer, name: str = "taizhang") -> Self:
        """Return a database of the embedded server; `migrate` creates it where it is absent."""
        return cls(make_conninfo(host=str(server.sockets), user=SUPERUSER, dbname=name), server)

    @classmethod
    def at(cls, dsn: str) -> Self:
        """Return the database of a connection URL or string, whose user is a member of our roles or makes them."""
        return cls(make_conninfo(dsn))

    @property
    def name(self) -> str:
        """The database's name."""
        parts = conninfo_to_dict(self.conninfo)
        return str(parts.get("dbname") or parts["user"])

    def parameters(self, role: Role | None, **more: str | int) -> dict[str, Any]:
        """Return what a connection in a role is made with; None is whoever administers the database."""
        settings = ["-c TimeZone=UTC"]
        if role is not None and (within := STATEMENT_WITHIN.get(role)):
            settings.append(f"-c statement_timeout={within}")
        if role == "writer":  # whoever holds the log's turn and falls silent loses it
            settings.append("-c idle_in_transaction_session_timeout=15s")
        parts: dict[str, Any] = conninfo_to_dict(self.conninfo)
        if role is not None and self.server is not None:
            parts["user"] = f"taizhang_{role}"
        elif role is not None:
            settings.append(f"-c role=taizhang_{role}")
        settings.insert(0, str(parts.pop("options", "")))
        return {
            **CONNECTION,
            **parts,
            "application_name": f"taizhang {role or 'administration'}",
            "options": " ".join(settings).strip(),
            **more,
        }

    def connect(self, role: Role | None, *, autocommit: bool = True, **more: str | int) -> Connection:
        """Return a new connection in a role; an embedded server that died is started again.

        Raises:
            psycopg.OperationalError: The server doesn't answer within CONNECT_WITHIN seconds, or refuses.
        """
        return _kind(role).connect(autocommit=autocommit, **self._reachable(role, **more))

    def pool(self, role: Role, minimum: int = 1, maximum: int = 8, timeout: float = 10.0) -> Pool:
        """Return an open pool of connections in a role; waiting for one longer than `timeout` seconds fails.

        A connection that the server dropped is found out when it is taken, and replaced.
        """
        return ConnectionPool(
            connection_class=_kind(role),
            kwargs=lambda: {"autocommit": True, **self._reachable(role)},
            min_size=minimum,
            max_size=maximum,
            timeout=timeout,
            max_waiting=1_000,
            check=_check,
            name=f"taizhang {role}",
            open=True,
        )

    def _reachable(self, role: Role | None, **more: str | int) -> dict[str, Any]:
        if self.server is not None and not self.server.listens():
            try:
                self.server.ensure_running()
            except ServerFailed as error:
                raise psycopg.OperationalError(str(error)) from error
        return self.parameters(role, **more)


def _kind(role: Role | None) -> type[Connection]:
    return AnsweringConnection if role in STATEMENT_WITHIN else Connection


def _check(connection: Connection) -> None:
    """Ask the server only where its socket has something to say: what says nothing is alive, and a look is free."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        if not selector.select(0):
            return
    ConnectionPool.check_connection(connection)


def create(database: Database, template: str | None = None) -> None:
    """Create an embedded database, as a copy of `template` where one is named; leave one that exists.

    Raises:
        ValueError: The database is reached by URL: making it is its administrator's work.
    """
    if database.server is None:
        raise ValueError("only an embedded database is created here")
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(database.name), sql.Identifier(template or "template0")
    )
    with database.connect(None, dbname="postgres") as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database.name]).fetchone():
            return
        try:
            connection.execute(statement)
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return
    if template is not None:
        with database.connect(None) as connection:
            grant(connection)


def grant(connection: Connection) -> None:
    """Grant the roles what they need on the database itself: a copy of a database doesn't come with it."""
    row = connection.execute("SELECT current_database()").fetchone()
    database = sql.Identifier(row[0] if row else "")
    rows = connection.execute("SELECT r.rolname FROM pg_roles AS r WHERE r.rolname LIKE 'taizhang\\_%'").fetchall()
    roles = sql.SQL(", ").join(sql.Identifier(row[0]) for row in rows)
    connection.execute(
        sql.SQL(
            "REVOKE ALL ON DATABASE {0} FROM PUBLIC;"
            " GRANT CONNECT ON DATABASE {0} TO {1};"
            " GRANT CREATE, TEMPORARY ON DATABASE {0} TO taizhang_owner, taizhang_projector"
        ).format(database, roles)
    )
