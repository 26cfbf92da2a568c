"""kill -9 of the sealer, again and again and anywhere, leaves one consistent tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from domain.tlog.checkpoint import open_checkpoint
from domain.tlog.tile import TileTree, tiles
from domain.tlog.tree import root_of
from infrastructure.keys.signing import SigningKey, verify
from infrastructure.postgres.recorder import LogRecorder
from infrastructure.tlog.keepsake import Guard, Keepsake
from infrastructure.tlog.sealer import Sealer
from infrastructure.tlog.store import TreeStore

KILLS = 50
NURSERY = """
import os, random, select, signal, sys, time
from pathlib import Path
from infrastructure.keys.signing import SigningKey
from infrastructure.postgres.database import Database
from infrastructure.tlog.keepsake import Guard, Keepsake
from infrastructure.tlog.sealer import Sealer

database, keys = Database.at(sys.argv[1]), Path(sys.argv[2])
key = SigningKey.load(keys / "signing.key")
for _ in range(int(sys.argv[3])):
    told, tells = os.pipe()
    child = os.fork()
    if child == 0:
        sealer = Sealer(database, lambda: [key], Keepsake(keys), Guard())
        while True:
            if sealer.demand():
                os.write(tells, b".")
    # Half of them die before they have published anything, half while they publish again.
    if random.random() < 0.5:
        time.sleep(random.uniform(0.01, 0.12))
    else:
        select.select([told], [], [], 30)
        time.sleep(random.uniform(0, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(told)
    os.close(tells)
"""


def test_fifty_kills_leave_one_consistent_tree(tmp_path: Path, database, draft) -> None:
    key = SigningKey.create(tmp_path / "keys/signing.key", "log.test")
    keepsake = Keepsake(tmp_path / "keys")
    recorder = LogRecorder(database)
    with subprocess.Popen([sys.executable, "-c", NURSERY, database.conninfo, tmp_path / "keys", str(KILLS)]) as nursery:
        written = 0
        while nursery.poll() is None:
            recorder.append([draft(f"villages/v-{written}-{n}") for n in range(7)], expected=written)
            written += 7
        assert nursery.returncode == 0
    with database.connect("reader") as connection:
        query = "SELECT size, root_hash, note FROM tree.checkpoints ORDER BY size"
        published = [row for row in connection.execute(query) if row[2] is not None]
        sealer = Sealer(database, lambda: [key], keepsake, Guard())
        assert sealer.demand(), sealer.failure()
        after = connection.execute(query).fetchall()
    leaves = [stored.leaf_hash for stored in recorder.reader.entries(0, written)]
    assert len(published) > KILLS // 4
    assert set(published) <= set(after)
    for size, root, note in after:
        head = open_checkpoint(note, [key.verifier], verify).checkpoint
        assert (head.size, head.root_hash) == (size, root) == (size, root_of(leaves[:size]))
    assert after[-1][0] == written == keepsake.read().size
    store = TreeStore(database, recorder.reader, lambda: False)
    tree = TileTree(written, after[-1][1], store.fetch)
    assert all(tree.tile(tile) == store.fetch([tile])[0] for tile in tiles(0, written))
    store.close()
    recorder.close()
