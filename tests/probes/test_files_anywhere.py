"""Files of a program that says nothing about them: each way in which a thread sees what another did to a file."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

import pytest
from sameness import run

import harness


def broken(program):
    result = harness.explore(program, time_budget=60)
    assert str(result.verdict) == "BROKEN", (result.verdict, result.reasons)
    again = harness.replay(program, result.failure.token)
    assert again.failure.error == result.failure.error
    return result.failure


def proved(program):
    result = harness.explore(program, time_budget=60)
    assert str(result.verdict) == "PROVED", (result.verdict, result.reasons, result.failure)
    return result


def write(path, text="x", mode="w"):
    with open(path, mode) as file:
        file.write(text)


def read(path):
    with open(path) as file:
        return file.read()


def replaced(path):
    write(f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


def published(publish, look):
    """A writer says that it is done before its marker is there; a reader believes it."""

    def program():
        with tempfile.TemporaryDirectory() as folder:
            marker, done = os.path.join(folder, "marker"), threading.Event()

            def work():
                done.set()
                publish(marker)

            def check():
                if done.is_set():
                    assert look(marker), "no marker"

            run(work, check)

    return program


LOOKS = {
    "isfile": os.path.isfile,
    "exists": os.path.exists,
    "listdir": lambda path: "marker" in os.listdir(os.path.dirname(path)),
    "scandir": lambda path: any(entry.name == "marker" for entry in os.scandir(os.path.dirname(path))),
    "walk": lambda path: any("marker" in names for _, _, names in os.walk(os.path.dirname(path))),
    "stat": os.stat,
    "pathlib": lambda path: pathlib.Path(path).exists(),
    "glob": lambda path: list(pathlib.Path(path).parent.glob("mark*")),
    "open": lambda path: read(path) or True,
    "copy": lambda path: shutil.copy(path, f"{path}.copy"),
}
PUBLISHERS = {
    "write": write,
    "replace": replaced,
    "rename": lambda path: (write(f"{path}.tmp"), os.rename(f"{path}.tmp", path)),
    "pathlib": lambda path: pathlib.Path(path).write_text("x"),
    "touch": lambda path: pathlib.Path(path).touch(),
    "mkdir": os.mkdir,
    "makedirs": lambda path: os.makedirs(f"{path}/below"),
    "link": lambda path: (write(f"{path}.other"), os.link(f"{path}.other", path)),
    "os.open": lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)),
    "move": lambda path: (write(f"{path}.tmp"), shutil.move(f"{path}.tmp", path)),
}


@pytest.mark.parametrize("look", LOOKS)
def test_each_way_to_look_for_a_marker(look):
    broken(published(write, LOOKS[look]))


@pytest.mark.parametrize("publish", PUBLISHERS)
def test_each_way_to_make_a_marker(publish):
    broken(published(PUBLISHERS[publish], os.path.exists))


def test_a_marker_that_is_there_before_the_event():
    def program():
        with tempfile.TemporaryDirectory() as folder:
            marker, done = os.path.join(folder, "marker"), threading.Event()

            def work():
                replaced(marker)
                done.set()

            def check():
                if done.is_set():
                    assert read(marker) == "x"

            run(work, check)

    proved(program)


def test_files_are_enough_to_interact():
    def program():
        folder = tempfile.mkdtemp()

        def work():
            write(f"{folder}/state")
            write(f"{folder}/marker")

        def check():
            if "state" in os.listdir(folder):
                assert "marker" in os.listdir(folder)

        run(work, check)

    broken(program)


def moving(checked):
    def program():
        with tempfile.TemporaryDirectory() as folder:
            normalized, loaded = f"{folder}/normalized", f"{folder}/loaded"
            os.mkdir(normalized)
            lock, moved = threading.Lock(), []

            def work():
                with lock:
                    if not checked or not moved:
                        write(f"{normalized}/marker")

            def finalise():
                with lock:
                    moved.append(True)
                    os.rename(normalized, loaded)

            run(work, finalise)
            assert os.path.isdir(loaded)

    return program


def test_a_directory_renamed_under_a_writer():
    failure = broken(moving(checked=False))
    assert "FileNotFoundError" in failure.error
    assert "/normalized/marker" in failure.error
    assert "loadloom-" not in failure.error  # where it really was: another name in each process


def test_a_writer_that_knows_of_the_rename():
    proved(moving(checked=True))


def test_a_count_kept_in_a_file():
    def program():
        path = pathlib.Path(tempfile.mkdtemp(), "count")
        path.write_text("0")

        def add():
            path.write_text(str(int(path.read_text() or 0) + 1))

        run(add, add)
        assert path.read_text() == "2"

    broken(program)


def test_a_state_file_that_is_replaced():
    def program():
        path = f"{tempfile.mkdtemp()}/state.json"
        write(path, '{"n": 0}')

        def add():
            state = json.loads(read(path))
            state["n"] += 1
            own = f"{path}.{threading.current_thread().name}"
            write(own, json.dumps(state))
            os.replace(own, path)

        run(add, add)
        assert json.loads(read(path))["n"] == 2

    broken(program)


def test_a_lock_file_that_is_looked_for_first():
    def program():
        path, got = pathlib.Path(tempfile.mkdtemp(), "lock"), []

        def take():
            if not path.exists():
                path.touch()
                got.append(1)

        run(take, take)
        assert len(got) == 1

    broken(program)


def test_a_lock_file_made_exclusively():
    def program():
        path, got = pathlib.Path(tempfile.mkdtemp(), "lock"), []

        def take():
            try:
                path.touch(exist_ok=False)
                got.append(1)
            except FileExistsError:
                pass

        run(take, take)
        assert len(got) == 1

    proved(program)


def counting_in_a_file(lock):
    def program():
        path = f"{tempfile.mkdtemp()}/count"
        write(path, "0")

        def add():
            with open(f"{path}.lock", "w") as held:
                if lock:
                    fcntl.flock(held, fcntl.LOCK_EX)
                write(path, str(int(read(path) or 0) + 1))

        run(add, add)
        assert read(path) == "2"

    return program


def test_a_count_under_flock():
    proved(counting_in_a_file(lock=True))


def test_a_count_without_flock():
    broken(counting_in_a_file(lock=False))


def test_flock_that_does_not_wait():
    def program():
        path = f"{tempfile.mkdtemp()}/lock"

        def take():
            with open(path, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

        run(take, take)

    assert "BlockingIOError" in broken(program).error


def test_temporary_files_of_tasks_have_names_of_their_own():
    def program():
        folder = tempfile.mkdtemp()

        def work():
            fd, path = tempfile.mkstemp(dir=folder)
            os.write(fd, b"x")
            os.close(fd)
            os.replace(path, f"{folder}/final")
            with tempfile.NamedTemporaryFile("w") as file, tempfile.TemporaryFile() as other:
                file.write("y")
                other.write(b"z")

        run(work, work)
        assert os.listdir(folder) == ["final"]

    proved(program)


def test_a_named_temporary_file_is_shared():
    def program():
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write("0")

        def add():
            write(file.name, str(int(read(file.name) or 0) + 1))

        run(add, add)
        assert read(file.name) == "2"

    broken(program)


def test_temporary_files_are_gone_when_it_is_over():
    made = []

    def program():
        made.append(tempfile.mkdtemp())
        write(f"{made[-1]}/x")
        run(lambda: write(f"{made[-1]}/x"), lambda: os.listdir(made[-1]))

    harness.explore(program)
    assert made
    assert not any(map(os.path.exists, made))


# -- streams ------------------------------------------------------------------------------------------------------


def logged(order_matters, flush):
    def program():
        path = f"{tempfile.mkdtemp()}/log"
        with open(path, "w") as log:

            def say(text):
                log.write(text)
                if flush:
                    log.flush()

            run(lambda: say("a"), lambda: say("b"))
        assert read(path) in (("ab",) if order_matters else ("ab", "ba"))

    return program


@pytest.mark.parametrize("flush", [False, True])
def test_a_stream_that_two_tasks_write_to(flush):
    proved(logged(order_matters=False, flush=flush))
    broken(logged(order_matters=True, flush=flush))


@pytest.mark.parametrize("lines", [["a\nb\n"], ["a\nb\n", "b\na\n"]])
def test_logging_to_a_file(lines):
    def program():
        path = f"{tempfile.mkdtemp()}/log"
        log, handler = logging.Logger("log"), logging.FileHandler(path)
        log.addHandler(handler)
        run(lambda: log.warning("a"), lambda: log.warning("b"))
        handler.close()
        assert read(path) in lines

    (proved if len(lines) == 2 else broken)(program)


# -- links, places ------------------------------------------------------------------------------------------------


def test_a_link_that_is_switched_on_the_way_to_a_file():
    def program():
        folder = tempfile.mkdtemp()
        for name in ("a", "b"):
            os.mkdir(f"{folder}/{name}")
        write(f"{folder}/a/file")
        os.symlink(f"{folder}/a", f"{folder}/current")

        def switch():
            os.symlink(f"{folder}/b", f"{folder}/next")
            os.replace(f"{folder}/next", f"{folder}/current")

        run(lambda: read(f"{folder}/current/file"), switch)

    broken(program)


def test_what_a_link_leads_to():
    def program():
        folder = tempfile.mkdtemp()
        os.symlink(f"{folder}/target", f"{folder}/link")
        run(lambda: write(f"{folder}/target"), lambda: os.path.exists(f"{folder}/link") or 1 // 0)

    broken(program)


def test_a_working_directory_that_changes():
    def program():
        before, one, other = os.getcwd(), tempfile.mkdtemp(), tempfile.mkdtemp()
        write(f"{one}/x")
        os.chdir(one)
        try:
            run(lambda: os.path.exists("x") or 1 // 0, lambda: os.chdir(other))
        finally:
            os.chdir(before)

    broken(program)


def test_the_time_of_a_file():
    def program():
        path = f"{tempfile.mkdtemp()}/x"
        write(path)
        os.utime(path, (1, 1))
        run(lambda: os.stat(path).st_mtime == 1 or 1 // 0, lambda: os.utime(path, (5, 5)))

    broken(program)


# -- what is left behind ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [lambda path: os.path.exists(path), lambda path: "m" in os.listdir(path[:-2])])
def test_a_file_left_by_an_execution_does_not_make_the_next_one_pass(look, tmp_path):
    path = str(tmp_path / "m")

    def program():
        done = threading.Event()

        def work():
            done.set()
            write(path)

        run(work, lambda: not done.is_set() or look(path) or 1 // 0)

    result = harness.explore(program)
    assert str(result.verdict) == "INCONCLUSIVE"
    assert "was missing when the threads of an earlier execution were started" in result.reasons[0]


def test_a_program_that_puts_its_files_back(tmp_path):
    path = tmp_path / "m"

    def program():
        path.unlink(missing_ok=True)
        done = threading.Event()

        def work():
            done.set()
            path.touch()

        run(work, lambda: not done.is_set() or path.exists() or 1 // 0)

    broken(program)


def test_a_token_holds_in_another_process(tmp_path):
    """Temporary directories have other names there."""
    script = tmp_path / "counts.py"
    script.write_text(
        "import pathlib, sys, tempfile, threading, harness\n"
        "outer = tempfile.mkdtemp()\n"
        "def program():\n"
        "    path = pathlib.Path(tempfile.mkdtemp(dir=outer), 'n')\n"
        "    path.write_text('0')\n"
        "    def add(): path.write_text(str(int(path.read_text() or 0) + 1))\n"
        "    threads = [threading.Thread(target=add) for _ in range(2)]\n"
        "    [t.start() for t in threads]; [t.join() for t in threads]\n"
        "    assert path.read_text() == '2'\n"
        "token = sys.argv[1:] and sys.argv[1] or harness.explore(program).failure.token\n"
        "print(token, harness.replay(program, token).failure.error)\n"
    )

    def once(*args):
        return subprocess.run([sys.executable, str(script), *args], capture_output=True, text=True, check=True).stdout

    first = once()
    assert once(first.split()[0]) == first
