"""What a program does to its files is in the journal, whatever part of the standard library it uses."""

from __future__ import annotations

import mmap
import os
import pathlib
import random
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.disk import Journal
from harness.disk.journal import Sync, Write
from harness.disk.real import difference, read_tree
from harness.probes import chance, files
from harness.search import Fixed
from harness.search.runner import Runner


def journaled(root: Path, program: Callable[[], object]) -> tuple[Journal, str]:
    """Run a program on its default schedule; its journal, and what was done past it."""
    box = files.Sandbox(str(root))
    journal = Journal(read_tree(str(root)))
    box.journal = journal
    with Runner(program, install=[lambda patches: files.install(patches, box)]) as runner:
        execution = runner.run(Fixed(()))
    assert not execution.failures, execution.failures
    return journal, difference(journal.state(), read_tree(str(root)))


def by_open(root: str) -> None:
    with open(f"{root}/a", "w") as file:
        file.write("hello")
    with open(f"{root}/a", "a") as file:
        file.write(" there")
    with open(f"{root}/a", "r+b") as raw:
        raw.seek(2)
        raw.write(b"LL")
        raw.truncate(8)
    with open(f"{root}/a", "w"):
        pass
    with open(f"{root}/b", "xb", buffering=0) as unbuffered:
        unbuffered.write(b"123")


def by_descriptors(root: str) -> None:
    fd = os.open(f"{root}/a", os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b"abc")
    os.pwrite(fd, b"Z", 1)
    os.writev(fd, [b"de", b"f"])
    os.ftruncate(fd, 5)
    os.fsync(fd)
    os.fdatasync(fd)
    os.close(os.dup(fd))
    os.close(fd)
    fd = os.open(f"{root}/a", os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"end")
    os.close(fd)
    os.truncate(f"{root}/a", 6)
    os.close(os.open(f"{root}/a", os.O_WRONLY | os.O_TRUNC))


def by_names(root: str) -> None:
    os.makedirs(f"{root}/d/e/f")
    for name in "xyz":
        pathlib.Path(f"{root}/d/{name}").write_text(name)
    os.rename(f"{root}/d/x", f"{root}/d/e/x")
    os.replace(f"{root}/d/y", f"{root}/d/e/x")
    os.link(f"{root}/d/z", f"{root}/d/e/z")
    os.rename(f"{root}/d/z", f"{root}/d/e/z")
    os.symlink("e", f"{root}/d/s")
    pathlib.Path(f"{root}/d/s/through").write_bytes(b"link")
    os.rename(f"{root}/d", f"{root}/moved")
    os.unlink(f"{root}/moved/s")
    os.rmdir(f"{root}/moved/e/f")


def by_shutil(root: str) -> None:
    by_names(root)
    shutil.copytree(f"{root}/moved", f"{root}/copy")
    shutil.copy2(f"{root}/copy/z", f"{root}/z")
    shutil.move(f"{root}/z", f"{root}/copy/e/q")
    shutil.rmtree(f"{root}/moved")


def by_tempfile(root: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=root, delete=False) as kept:
        kept.write("kept")
    with tempfile.NamedTemporaryFile(dir=root) as gone:
        gone.write(b"gone")
    with tempfile.TemporaryDirectory(dir=root) as folder:
        pathlib.Path(folder, "inside").touch()
    fd, path = tempfile.mkstemp(dir=root)
    os.write(fd, b"made")
    os.close(fd)
    os.rename(path, f"{root}/final")
    with tempfile.TemporaryFile(dir=root) as nameless:
        nameless.write(b"never seen")


def by_pathlib(root: str) -> None:
    base = pathlib.Path(root)
    (base / "p").mkdir()
    (base / "p" / "q").touch()
    (base / "p" / "q").write_text("text")
    (base / "p" / "q").rename(base / "r")
    (base / "r").replace(base / "p" / "r")
    (base / "l").symlink_to("p")
    (base / "l" / "r").unlink()
    (base / "p").rmdir()


def by_directory_descriptors(root: str) -> None:
    os.mkdir(f"{root}/d")
    folder = os.open(f"{root}/d", os.O_RDONLY)
    fd = os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=folder)
    os.write(fd, b"1")
    os.close(fd)
    os.rename("f", "g", src_dir_fd=folder, dst_dir_fd=folder)
    os.mkdir("sub", dir_fd=folder)
    os.unlink("g", dir_fd=folder)
    os.fsync(folder)
    os.close(folder)


WAYS = [by_open, by_descriptors, by_names, by_shutil, by_tempfile, by_pathlib, by_directory_descriptors]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_journal_holds_what_is_there_in_the_end(way: Callable[[str], None], tmp_path: Path) -> None:
    journal, past = journaled(tmp_path, lambda: way(str(tmp_path)))
    assert past == ""
    assert journal.entries


def test_random_programs_of_two_tasks_leave_what_their_journal_says(tmp_path: Path) -> None:
    for seed in range(20):
        root = tmp_path / str(seed)
        root.mkdir()

        def work(mine: int, root: Path = root, seed: int = seed) -> None:
            rng = random.Random(seed * 2 + mine)
            for _ in range(12):
                path = root / rng.choice("abc")
                try:
                    rng.choice((
                        lambda path=path: path.write_text(rng.choice("xy") * rng.randint(0, 5)),
                        lambda path=path: path.mkdir(),
                        lambda path=path: os.rename(path, root / rng.choice("abc")),
                        lambda path=path: (path / "in").touch(),
                        lambda path=path: shutil.rmtree(path),
                        lambda path=path: os.link(path, root / rng.choice("abc")),
                    ))()  # fmt: skip
                except OSError:
                    pass

        def program() -> None:
            threads = [threading.Thread(target=work, args=(n,)) for n in (0, 1)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert journaled(root, program)[1] == "", seed


def test_what_is_not_flushed_is_not_in_the_journal(tmp_path: Path) -> None:
    def program() -> None:
        file = open(tmp_path / "a", "w")  # noqa: SIM115
        file.write("in a buffer")
        journal_sizes.append(len([e for e in box.journal.entries if isinstance(e, Write)]))  # type: ignore[union-attr]
        file.close()

    journal_sizes: list[int] = []
    box = files.Sandbox(str(tmp_path))
    box.journal = Journal()
    with Runner(program, install=[lambda patches: files.install(patches, box)]) as runner:
        runner.run(Fixed(()))
    assert journal_sizes == [0]
    assert len([e for e in box.journal.entries if isinstance(e, Write)]) == 1


def test_a_sync_of_an_opened_file_and_of_a_directory_are_in_the_journal(tmp_path: Path) -> None:
    def program() -> None:
        with open(tmp_path / "a", "w") as file:
            os.fsync(file.fileno())
            os.fsync(file)
        fd = os.open(tmp_path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)

    journal, _ = journaled(tmp_path, program)
    assert [e.inode for e in journal.entries if isinstance(e, Sync)] == [2, 2, 1]


def test_a_file_changed_through_a_memory_map_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")

    def program() -> None:
        with open(tmp_path / "a", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            memory[:6] = b"after!"

    _, past = journaled(tmp_path, program)
    assert past == "a holds after! and not before"


def test_temporary_names_and_uuids_are_the_same_in_every_run(tmp_path: Path) -> None:
    drawn: list[list[object]] = []

    def program() -> None:
        fd, path = tempfile.mkstemp(dir=tmp_path)
        os.close(fd)
        os.unlink(path)
        drawn.append([os.path.basename(path), uuid.uuid4(), uuid.uuid4()])

    source = chance.Chance()
    with Runner(program, install=[lambda patches: chance.install(patches, source)]) as runner:
        runner.run(Fixed(()))
        runner.run(Fixed(()))
        source.generation = 1
        runner.run(Fixed(()))
    assert drawn[0] == drawn[1]
    assert len({name for run in (drawn[0], drawn[2]) for name in run}) == 6
    assert uuid.uuid4() != uuid.uuid4()
