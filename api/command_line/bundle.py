"""`taizhang verify-bundle`: a bundle checked offline, by the same lines that are in it."""

from __future__ import annotations

from pathlib import Path

import click

from api.bundles.verify_bundle import answered, sentence
from api.command_line.outcomes import Ended, Exit, Voice, command

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("verify-bundle", help="离线核验证据包：不需要数据库，不需要服务器，不信任提供者。")
@click.argument("bundle", metavar="FILE.zip", type=_FILE)
@click.option(
    "--key",
    "keys",
    metavar="VKEY",
    required=True,
    multiple=True,
    help="台账的验证公钥，从别处取得；换过的再加一个 --key",
)
@click.option("--policy", metavar="FILE", type=_FILE, help="要求哪些见证人联署（C2SP tlog-policy）")
@click.option("--since", metavar="CHECKPOINT", type=_FILE, help="此前留存的检查点：台账须自那时起只增未改")
@click.option("--names", metavar="FILE", type=_FILE, help="另行披露的姓名密钥")
@command
def verify_bundle(
    voice: Voice,
    directory: Path,
    bundle: Path,
    keys: tuple[str, ...],
    policy: Path | None,
    since: Path | None,
    names: Path | None,
) -> None:
    """Check a bundle."""
    del directory  # whoever checks a bundle need have no ledger
    code, answer = answered(bundle, " ".join(keys), policy, since, names)
    if code != Exit.DONE:
        raise Ended(Exit(code), answer, sentence(answer))
    voice.answer(answer, sentence(answer))
