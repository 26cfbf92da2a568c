"""`taizhang login`: passwords and subjects of the identity provider, outside the log."""

from __future__ import annotations

import subprocess
from typing import Any

ISSUER = "https://id.example"


def test_a_password_is_generated_or_typed(home: Any) -> None:
    home.ask("key", "add", "--account", "insp", "--office", "new-area", "--role", "inspector")
    head = home.head()
    assert len(home.ask("login", "password", "--account", "insp", "--generate")["password"]) >= 16
    words = home.arguments(("login", "password", "--account", "insp"))
    for typed, code in (("沣河两岸 correct horse\n", 0), ("short\n", 2)):
        done = subprocess.run(words, env=home.environment, input=typed, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
    assert home.run("login", "password", "--account", "nobody", "--generate").code == 1
    assert home.head() == head


def test_a_subject_is_linked_and_unlinked(home: Any) -> None:
    home.ask("key", "add", "--account", "insp", "--office", "new-area", "--role", "inspector")
    named = ("--subject", "王敏", "--issuer", ISSUER)
    assert home.ask("login", "link", "--account", "insp", *named)["subject"] == "王敏"
    assert home.rows("SELECT account FROM access.subjects") == [("insp",)]
    home.ask("login", "unlink", *named)
    assert home.run("login", "unlink", *named).code == 1
    assert home.run("login", "link", "--account", "insp", "--subject", "王敏").code == 2
