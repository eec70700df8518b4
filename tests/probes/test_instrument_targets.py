"""What may be named, what is refused, that it works on installed packages, and that it is undone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import harness
from harness import UsageError, Verdict
from tests.probes.instrumented import Modules, in_threads, swapped

COUNTER = """
    import functools
    class Counter:
        def __init__(self): self.value = 0
        def up(self): self.value += 1
        @property
        def twice(self): return self.value * 2
        @classmethod
        def make(cls): return cls()
        @staticmethod
        def bump(c): c.value += 1
    def wrapped(f):
        @functools.wraps(f)
        def inner(*args): return f(*args)
        return inner
    @wrapped
    def bump(c): c.value += 1
    raise_it = functools.partial(bump)
    def other(c): c.value += 1
    def maker():
        def made(c): c.value += 1
        return made
    ready = maker()
    table = {"lambda": lambda c: setattr(c, "value", c.value + 1)}
"""


pytest_plugins = ["pytester"]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Modules(tmp_path)
    yield made
    made.forget()


def verdict(m: Any, act: Any, targets: list[Any]) -> Verdict:
    def program() -> None:
        c = m.Counter()
        in_threads(lambda: act(c), lambda: act(c))
        assert c.value == 2

    return harness.explore(program, instrument=targets).verdict


def test_each_way_of_naming_finds_it(module: Modules) -> None:
    m = module(COUNTER, "named")
    for act, targets in (
        (m.Counter.up, [m]),
        (m.Counter.up, ["named"]),
        (m.Counter.up, [m.Counter]),
        (m.Counter.up, ["named.Counter"]),
        (m.Counter.up, [m.Counter.up]),
        (m.Counter.up, ["named.Counter.up"]),
        (lambda c: c.up(), [m.Counter().up]),
        (m.Counter.bump, [m.Counter]),
        (m.Counter.bump, ["named.Counter.bump"]),
        (m.bump, [m.bump]),
        (m.raise_it, [m.raise_it]),
        (m.ready, [m]),
        (m.ready, [m.maker]),
        (m.ready, [m.ready]),
        (m.maker(), ["named.maker"]),
        (lambda c: m.maker()(c), [m.maker]),
        (m.table["lambda"], [m]),
    ):
        assert verdict(m, act, targets) is Verdict.BROKEN, (act, targets)


def test_only_what_is_named_is_instrumented(module: Modules) -> None:
    m = module(COUNTER, "named")
    assert verdict(m, m.other, [m.bump]) is not Verdict.BROKEN
    assert verdict(m, m.other, []) is Verdict.VACUOUS


def test_the_program_is_not_instrumented_unless_it_is_named() -> None:
    def program() -> None:
        shared = types.SimpleNamespace(value=0)

        def up() -> None:
            shared.value = shared.value + 1

        in_threads(up, up)
        assert shared.value == 2

    assert harness.explore(program, instrument=[json.decoder]).verdict is Verdict.VACUOUS
    assert harness.explore(program, instrument=[program]).verdict is Verdict.BROKEN


def test_asserts_that_pytest_rewrote_stay_rewritten() -> None:
    """This module is rewritten by pytest: its functions can be named, and say as much as before."""

    def compared() -> None:
        value = {"a": 1}
        assert value["a"] == 2

    def text() -> str:
        with pytest.raises(AssertionError) as caught:
            compared()
        return str(caught.value)

    plain = text()
    assert "1 == 2" in plain
    with swapped(sys.modules[__name__]):
        assert text() == plain


# -- undone ------------------------------------------------------------------------------------------------------


def codes(m: Any) -> list[Any]:
    return [m.Counter.up.__code__, m.Counter.twice.fget.__code__, m.bump.__code__, m.ready.__code__, m.maker.__code__]


def test_it_is_undone_after_an_exploration_and_after_a_failure(module: Modules) -> None:
    m = module(COUNTER, "named")
    before, space = codes(m), set(vars(m))
    assert verdict(m, m.other, [m]) is Verdict.BROKEN
    assert all(one is other for one, other in zip(codes(m), before))
    assert set(vars(m)) == space
    with pytest.raises(UsageError):
        harness.explore(lambda: None, instrument=[m, len])
    assert all(one is other for one, other in zip(codes(m), before))


def test_functions_made_meanwhile_are_undone_too(module: Modules) -> None:
    m = module(COUNTER, "named")
    kept: list[Any] = []
    harness.explore(lambda: kept.append(m.maker()), instrument=[m])
    assert kept[0].__code__ is m.ready.__code__


# -- refused -----------------------------------------------------------------------------------------------------


def refusal(*targets: Any) -> str:
    with pytest.raises(UsageError) as caught:
        harness.explore(lambda: None, instrument=list(targets))
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_without_source_it_is_refused_in_one_line(module: Modules, tmp_path: Path) -> None:
    assert "math" in refusal("math")
    assert "len" in refusal(len)
    assert "dict" in refusal(dict) or "builtins" in refusal(dict)
    assert "no module 'nowhere'" in refusal("nowhere.at_all")
    assert "json.nothing" in refusal("json.nothing")
    with pytest.raises(UsageError, match="list of modules"):
        harness.explore(print, instrument="json")
    space: dict[str, Any] = {"__name__": "json"}
    exec("def made(): pass", space)
    assert "made" in refusal(space["made"])


def test_stale_source_is_refused_and_the_function_named(module: Modules, tmp_path: Path) -> None:
    m = module(COUNTER, "changed")
    path = tmp_path / "changed.py"
    path.write_text(path.read_text().replace("self.value += 1", "self.value += 2"))
    for target in (m, m.Counter, m.Counter.up, "changed.Counter"):
        said = refusal(target)
        assert "changed.Counter.up" in said
        assert "changed since" in said


def test_generated_methods_are_named_when_refused(module: Modules) -> None:
    m = module(
        """
        import dataclasses
        @dataclasses.dataclass
        class Data:
            x: int = 0
            def up(self): self.x += 1
        class Odd:
            pass
        exec("def made(self): pass", globals())
        Odd.made = made
        """,
        "generated",
    )
    assert "made" in refusal(m.Odd)
    assert "__init__" in refusal(m.Data.__init__)

    def program() -> None:
        d = m.Data()
        in_threads(d.up, d.up)
        assert d.x == 2

    assert harness.explore(program, instrument=[m.Data]).verdict is Verdict.BROKEN


# -- installed packages, fresh processes --------------------------------------------------------------------------


def test_a_race_in_an_installed_package_is_found() -> None:
    """`rich`, which our command prints with: a text counts its length without a lock."""
    from rich.text import Text

    path = Path(sys.modules["rich.text"].__file__ or "")
    text = path.read_text()
    assert "site-packages" in path.parts

    def program() -> None:
        line = Text()
        in_threads(lambda: line.append("ab"), lambda: line.append("cd"))
        assert len(line) == 4

    assert harness.explore(program).verdict is Verdict.VACUOUS
    for targets in ([Text], ["rich.text"], [Text.append]):
        result = harness.explore(program, instrument=targets)
        assert result.verdict is Verdict.BROKEN
        assert result.failure is not None
        assert "Text 1._length" in result.failure.explain(), targets
        assert harness.replay(program, result.failure.token, instrument=targets).verdict is Verdict.BROKEN
    assert path.read_text() == text


def test_the_race_that_the_docs_of_random_warn_of_is_found() -> None:
    """`Random.gauss`: two threads called at once may get the same number."""
    import random

    def program() -> None:
        source = random.Random(1)
        source.gauss(0, 1)  # keeps a second one for the next call
        got: list[float] = []
        in_threads(lambda: got.append(source.gauss(0, 1)), lambda: got.append(source.gauss(0, 1)))
        assert got[0] != got[1]

    assert harness.explore(program).verdict is Verdict.VACUOUS
    assert harness.explore(program, instrument=["random.Random.gauss"]).verdict is Verdict.BROKEN


PROGRAM = """
import sys, threading
import harness
from library.state import Counter, names
def program():
    c = Counter()
    names.clear()
    threads = [threading.Thread(target=c.up, args=(n,)) for n in ("a", "b")]
    for t in threads: t.start()
    for t in threads: t.join()
    assert c.value == 2
if len(sys.argv) > 1:
    r = harness.replay(program, sys.argv[1], instrument=["library.state"])
    print(r.verdict); print(r.failure.explain())
else:
    r = harness.explore(program, instrument=["library.state"])
    print(r.failure.token); print(r.executions); print(r.failure.explain())
"""


def test_a_token_replays_in_a_fresh_process_whatever_the_hash_seed(tmp_path: Path) -> None:
    library = tmp_path / "site" / "library"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("")
    (library / "state.py").write_text(
        textwrap.dedent(
            """
            names = {}
            class Counter:
                def __init__(self): self.value = 0; self.tags = {"x", "y", "z"}; self.by = {}
                def up(self, name):
                    for tag in sorted(self.tags): self.by.setdefault(tag, []).append(name)
                    names[name] = self
                    self.value += 1
            """
        )
    )
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    compiled = library / "state.py"
    text = compiled.read_text()

    def run(seed: str, *args: str) -> str:
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path / "site")}
        done = subprocess.run([sys.executable, str(script), *args], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first, second = run("0"), run("1")
    assert first == second
    token = first.splitlines()[0]
    assert run("2", token).startswith("BROKEN")
    assert compiled.read_text() == text


def test_the_pytest_marker_takes_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        lib="class C:\n    def __init__(self): self.v = 0\n    def up(self): self.v += 1\n",
        test_it="""
        import threading, pytest, lib
        @pytest.mark.interleavings(instrument=["lib"])
        def test_up():
            c = lib.C()
            ts = [threading.Thread(target=c.up) for _ in "ab"]
            for t in ts: t.start()
            for t in ts: t.join()
            assert c.v == 2
        """,
    )
    result = pytester.runpytest_subprocess("-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*loadloom-replay*"])
