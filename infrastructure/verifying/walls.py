"""The database's own walls: triggers that should stand, and rights that nobody should have."""

from __future__ import annotations

from typing import Final

from domain.examination import Fault, Kind
from infrastructure.postgres.database import Connection

TRIGGERS: Final = (
    ("ledger.log", "only_grows", "ledger.refuse"),
    ("ledger.refs", "only_grows", "ledger.refuse"),
    ("attachments.files", "only_grows", "ledger.refuse"),
    ("tree.tiles", "only_widens", "tree.refuse"),
    ("tree.tiles", "only_grows", "tree.refuse"),
    ("tree.checkpoints", "published_once", "tree.refuse"),
    ("tree.checkpoints", "only_grows", "tree.refuse"),
    ("tree.cosignatures", "only_grows", "tree.refuse"),
)
"""Table, trigger, and the function that it calls."""
GUARDS: Final = ("taizhang_alteration", "taizhang_removal")
"""Event triggers; they are there where a superuser migrates."""
APPLICATION: Final = ("taizhang_writer", "taizhang_projector", "taizhang_reader", "taizhang_sealer")
"""Roles that may not write to the log but by its function."""

# By the catalogue: a reader need not have rights on each of the schemas.
_TRIGGERS: Final = """
SELECT w.table_name, w.trigger_name
FROM unnest(%s::text[], %s::text[], %s::text[]) AS w (table_name, trigger_name, function_name)
WHERE NOT EXISTS (
    SELECT FROM pg_trigger AS t
    JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_proc AS p ON p.oid = t.tgfoid JOIN pg_namespace AS o ON o.oid = p.pronamespace
    WHERE format('%%s.%%s', n.nspname, c.relname) = w.table_name AND t.tgname = w.trigger_name
        AND format('%%s.%%s', o.nspname, p.proname) = w.function_name AND t.tgenabled = 'A'
) ORDER BY 1, 2 LIMIT 1
"""
_GUARDS: Final = """
SELECT w.name FROM unnest(%s::text[]) AS w (name)
WHERE EXISTS (
        SELECT FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
        WHERE n.nspname = 'migrations' AND r.rolsuper
    ) AND NOT EXISTS (SELECT FROM pg_event_trigger AS t WHERE t.evtname = w.name AND t.evtenabled = 'A')
ORDER BY 1 LIMIT 1
"""
_RIGHTS: Final = """
SELECT r.rolname FROM pg_roles AS r
WHERE r.rolname = ANY (%s) AND (
    r.rolsuper OR has_table_privilege(r.oid, 'ledger.log', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
) ORDER BY 1 LIMIT 1
"""


def breach(connection: Connection) -> Fault | None:
    """The first wall that isn't in force; None where all are."""
    tables, triggers, functions = map(list, zip(*TRIGGERS, strict=True))
    row = connection.execute(_TRIGGERS, [tables, triggers, functions]).fetchone()
    if row is not None:
        return Fault(None, Kind.WALL, f"the trigger {row[1]} of {row[0]} is not in force")
    row = connection.execute(_GUARDS, [[*GUARDS]]).fetchone()
    if row is not None:
        return Fault(None, Kind.WALL, f"the event trigger {row[0]} is not in force")
    row = connection.execute(_RIGHTS, [[*APPLICATION]]).fetchone()
    return None if row is None else Fault(None, Kind.WALL, f"{row[0]} may write to the log past its function")
