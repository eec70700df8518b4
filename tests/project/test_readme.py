"""What the README shows is true: its code runs, its output is what is printed, its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
PYTHON = [text for language, text in BLOCKS if language == "python"]
PICTURE, EXAMPLE = [text for language, text in BLOCKS if language == "text"]


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=cwd, timeout=120)


def loadloom(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run("-m", "harness", *arguments, cwd=cwd)


def kind(text: str) -> str:
    return "test" if "def test_" in text else "scenario" if "Scenario(" in text else "program"


@pytest.mark.parametrize("text", [text for text in PYTHON if kind(text) == "program"])
def test_program_in_the_readme_runs(text, tmp_path):
    (tmp_path / "example.py").write_text(text, encoding="utf-8")
    done = run("example.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    if "print(" in text:
        assert done.stdout == EXAMPLE


@pytest.mark.parametrize("text", [text for text in PYTHON if kind(text) == "test"])
def test_test_in_the_readme_passes_in_every_order(text, tmp_path):
    (tmp_path / "test_example.py").write_text(text, encoding="utf-8")
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("text", [text for text in PYTHON if kind(text) == "scenario"])
def test_scenario_in_the_readme_holds_for_the_reference_loader(text, tmp_path):
    (tmp_path / "two_tries.py").write_text(text, encoding="utf-8")
    done = loadloom("verify", "refimpl", "./two_tries.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def without_numbers(line: str) -> str:
    """Line numbers, and how it was found, change with every commit."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "#", re.sub(r"(replay|found): .*", "", line)))


def test_picture_of_a_failure_is_what_verify_and_replay_print(tmp_path):
    shown = [line for line in PICTURE.splitlines() if line.strip()]
    token = shown[-1].split()[-1]
    verified = loadloom(
        "verify", "refimpl:state-before-marker", "shared-wakeup", "--max-executions", "40", cwd=tmp_path
    )
    assert verified.returncode == 1
    assert set(map(without_numbers, shown)) <= set(map(without_numbers, verified.stdout.splitlines()))
    replayed = loadloom("replay", token, cwd=tmp_path)
    assert replayed.returncode == 1
    assert "C4" in replayed.stdout


def test_commands_of_the_readme_exist(tmp_path):
    named = set(re.findall(r"^loadloom (\w+)", README, re.MULTILINE)) | set(re.findall(r"`loadloom (\w+)", README))
    listed = loadloom("--help", cwd=tmp_path).stdout
    assert named >= {"verify", "orderings", "replay", "list", "load"}
    assert [name for name in named if name not in listed] == []


def test_documents_that_the_readme_links_to_exist():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_ci_calls_the_test_command_of_the_readme():
    [command] = [line for line in README.splitlines() if "python -m pytest" in line]
    assert command.startswith("python3.11 -m venv .venv && ")
    last = (ROOT / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()[-3:]
    assert "grep -m 1 'python -m pytest' README.md" in "\n".join(last)
