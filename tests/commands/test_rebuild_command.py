"""What lists are answered from is compared with the log, and made anew from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg


def test_views_are_compared_with_the_log_and_made_anew(home: Any, divisions: Path) -> None:
    home.ask("import", divisions)
    assert home.ask("rebuild", "--check") == {"holds": True}

    with psycopg.connect(home.database.conninfo) as connection:
        connection.execute("UPDATE views.records SET status = 'dissolved' WHERE id = '610112002002'")
    found = home.run("rebuild", "--check", "--json")
    assert found.code == 1
    assert found.answer == {"holds": False, "record": "communities/610112002002", "columns": ["status"]}
    assert "communities/610112002002" in home.run("rebuild", "--check").err

    assert home.ask("rebuild") == {"position": home.head()}
    assert home.ask("rebuild", "--check") == {"holds": True}
