"""The demo keeps its QuickBooks companies in a file that cannot run anything."""

from __future__ import annotations

import json
import os
import pickle
import stat
from pathlib import Path

import pytest

import dunahub_qbo_plugin
from dunahub_qbo_plugin.demo import object_json
from dunahub_qbo_plugin.demo.kept_world import FRESH, KeptWorldError, WorldFile
from dunahub_qbo_plugin.emulator.world.world import World


def test_a_kept_world_is_the_same_world() -> None:
    """Everything that a world is made of is written, and read as the same."""
    world = World.default()
    written = object_json.dump(world, FRESH)
    again = object_json.load(written, FRESH)
    assert isinstance(again, World)
    assert object_json.dump(again, FRESH) == written
    assert again.tokens.counts() == world.tokens.counts()


def test_the_file_is_its_owners_and_is_read_again(tmp_path: Path) -> None:
    """A demo that starts again has the companies of the one before."""
    path = tmp_path / "quickbooks.world"
    first = WorldFile(path).open()
    before = os.umask(0o022)
    WorldFile(path).save(first)
    os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = WorldFile(path).open()
    assert list(again.companies) == list(first.companies)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(_Bomb()),
        b"{}",
        b"[1]",
        json.dumps({"root": {"at": 0}, "objects": [["name", "os:system"]]}).encode(),
        json.dumps({"root": {"at": 0}, "objects": [["name", "subprocess:Popen"]]}).encode(),
        json.dumps(
            {"root": {"at": 0}, "objects": [["object", "pathlib:Path", {"at": 1}, None]]}
        ).encode(),
        json.dumps(
            {
                "root": {"at": 0},
                "objects": [
                    ["partial", {"at": 1}, {"at": 2}, {"at": 3}],
                    ["name", "dunahub_qbo_plugin.emulator.server.serve:importlib"],
                    ["tuple", []],
                    ["dict", []],
                ],
            }
        ).encode(),
        json.dumps({"root": {"at": 0}, "objects": [["method", 7, "__class__"]]}).encode(),
    ],
)
def test_a_file_of_another_users_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """Whatever a file says, it is refused in words, and nothing that it names is called."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "quickbooks.world"
    path.write_bytes(content)
    with pytest.raises(KeptWorldError, match="Remove it"):
        WorldFile(path).open()
    assert not (tmp_path / "exploded").exists()


def test_nothing_here_reads_pickles() -> None:
    """No module of the package imports what runs code as it reads."""
    folder = Path(dunahub_qbo_plugin.__file__).parent
    users = [
        path.name
        for path in folder.rglob("*.py")
        if any(
            f"import {name}" in path.read_text("utf-8") for name in ("pickle", "marshal", "shelve")
        )
    ]
    assert users == []
