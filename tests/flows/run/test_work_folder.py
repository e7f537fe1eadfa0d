"""A work folder is its owner's: what another user made, could write, or planted there is refused in one line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from domain.errors import UserError
from flows.run.lock import holding
from flows.run.work_folder import guarded, refuse_unsafe, route
from tests.other_user import NOBODY, as_nobody, needs_root


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work folder as runs leave one."""
    with holding(tmp_path / "work"):
        for name in ("artifacts/collect/requests", "building", "cache/files", "runs", "verified"):
            (tmp_path / "work" / name).mkdir(parents=True)
            (tmp_path / "work" / name / "a.json").write_text("{}")
    return tmp_path / "work"


def umask() -> int:
    """The umask of this process."""
    os.umask(value := os.umask(0))
    return value


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


def refusal(work: Path, shared: bool = False) -> str:
    """The line that refuses a folder; nothing in it has changed."""
    before = sorted((path, path.lstat().st_mode, path.lstat().st_mtime_ns) for path in work.rglob("*"))
    with pytest.raises(UserError) as error, holding(work, shared=shared):
        pass
    assert sorted((path, path.lstat().st_mode, path.lstat().st_mtime_ns) for path in work.rglob("*")) == before
    return str(error.value)


def test_what_is_written_is_the_owner_s_alone(work: Path) -> None:
    assert modes(work) == {0o700, 0o600}
    before = umask()
    with guarded(work):
        assert umask() == 0o077
    assert umask() == before


def test_a_shared_folder_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        with holding(tmp_path / "work", shared=True):
            (tmp_path / "work" / "a").write_text("")
    finally:
        os.umask(before)
    assert modes(tmp_path / "work") == {0o775, 0o664}


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o777, 0o707, 0o2775])
def test_an_own_folder_is_narrowed_and_told_once(work: Path, mode: int, caplog: pytest.LogCaptureFixture) -> None:
    (work / "mlflow.db-wal").write_text("")
    work.chmod(mode)
    caplog.set_level("INFO")
    for _ in range(2):
        with holding(work):
            assert work.stat().st_mode & 0o777 == 0o700
    assert caplog.text.count("was open to other users, and is yours alone now") == 1


@pytest.mark.parametrize(("mode", "refused"), [(0o775, True), (0o1777, True), (0o755, False), (0o700, False)])
def test_a_folder_for_more_than_shoptalk_keeps_its_mode(tmp_path: Path, mode: int, refused: bool) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letters").mkdir()
    home.chmod(mode)
    if refused:
        assert "other users can write there. Fix: name a --work folder of your own, or set shared: true" in refusal(
            home
        )
    else:
        with holding(home):
            pass
    assert home.stat().st_mode & 0o7777 == mode
    with holding(home, shared=True):
        pass


@needs_root
@pytest.mark.parametrize("place", ["", "artifacts", "runs/a.json", "cache/files", "artifacts/collect/requests/a.json"])
def test_what_belongs_to_another_user(work: Path, place: str) -> None:
    os.chown(work / place, NOBODY, NOBODY)
    line = refusal(work)
    assert str(work / place) in line
    assert "belongs to user nobody" in line
    assert "shared: true" in line
    with holding(work, shared=True):
        pass


@needs_root
@pytest.mark.parametrize("kind", ["open parent", "link of another user", "link in an open folder"])
def test_a_folder_that_another_user_can_replace(tmp_path: Path, kind: str) -> None:
    parent, named = tmp_path / "parent", tmp_path / "parent" / "work"
    parent.mkdir()
    if kind == "open parent":
        named.mkdir()
        parent.chmod(0o777)
    else:
        (tmp_path / "mine").mkdir()
        named.symlink_to(tmp_path / "mine")
        parent.chmod(0o1777 if kind == "link of another user" else 0o777)
        if kind == "link of another user":
            os.chown(named, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(UserError, match=r"could be replaced by|belongs to user nobody"):
        refuse_unsafe(named)
    refuse_unsafe(named, shared=True)


@needs_root
def test_the_owner_of_a_folder_above_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "parent").mkdir()
    os.chown(tmp_path / "parent", NOBODY, NOBODY)
    with guarded(tmp_path / "parent" / "work"):
        pass
    (line,) = [record.getMessage() for record in caplog.records if "could be" in record.getMessage()]
    assert line.endswith(f"could be replaced by user nobody, who owns {tmp_path / 'parent'}")


def test_an_own_link_to_an_own_folder_in_a_sticky_one(work: Path, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    (tmp_path / "tmp" / "link").symlink_to("../second")
    (tmp_path / "second").symlink_to(work)
    with holding(tmp_path / "tmp" / "link"):
        assert (work / "lock").exists()
    assert {tmp_path / "second", work, tmp_path / "tmp" / "link"} <= {*route(tmp_path / "tmp" / "link")}


@needs_root
def test_another_user_cannot_read_take_or_fill_it(work: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for outer in tmp_path.parents[:2]:
        outer.chmod(0o711)

    def hold() -> str:
        with holding(work):
            return "held"

    assert as_nobody(lambda: (work / "lock").read_text()) == "PermissionError"
    assert as_nobody(lambda: (work / "planted").write_text("")) == "PermissionError"
    assert as_nobody(hold) == "UserError"


def plant(path: Path, kind: str, precious: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    if path.is_dir():
        path.rename(path.with_name("moved"))
    else:
        path.unlink(missing_ok=True)
    if kind == "link to a file":
        path.symlink_to(precious)
    elif kind == "link to a folder":
        path.symlink_to(precious.parent)
    elif kind == "broken link":
        path.symlink_to(precious.parent / "not there")
    elif kind == "FIFO":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(path))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "broken link", "FIFO", "socket"])
@pytest.mark.parametrize("name", ["lock", "runs", "machine.json", "cache/files/x", "building/a.log.jsonl", "prefect/x"])
def test_no_link_is_followed(work: Path, tmp_path: Path, name: str, kind: str, shared: bool) -> None:
    (tmp_path / "home").mkdir()
    precious = tmp_path / "home" / "precious"
    precious.write_text("mine")
    plant(work / name, kind, precious)
    line = refusal(work, shared)
    assert line.startswith(f"{work / name}: is a ")
    assert "not a regular file or a folder" in line
    assert [(path.name, path.read_text()) for path in precious.parent.iterdir()] == [("precious", "mine")]


@pytest.mark.parametrize("kind", ["circle", "file", "in a file", "broken link"])
def test_what_cannot_be_a_folder(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "work"
    if kind == "circle":
        path.symlink_to(path)
    elif kind == "broken link":
        path.symlink_to(tmp_path / "nothing")
    else:
        path.write_text("")
    with pytest.raises(UserError, match="cannot be"), guarded(path / "in" if kind == "in a file" else path):
        pass
    if kind == "circle":
        with pytest.raises(UserError, match="cannot be used"):
            refuse_unsafe(path)
