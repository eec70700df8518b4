"""Programs of file operations as one line of text, run on a disk model."""

from __future__ import annotations

from harness.disk import MODELS, CrashStates, Disk, Journal, State, crash_states, state_of
from harness.disk.journal import Entry


def tree(text: str) -> State:
    """``f=O p/a=A q/`` as a tree; ``cur->a`` is a symbolic link, ``∅`` is no bytes, ``␀`` a NUL."""
    from harness.disk.table import Symlink

    entries: list[tuple[str, object]] = []
    for word in text.split():
        if "->" in word:
            path, _, target = word.partition("->")
            entries.append((path, Symlink(target)))
        elif word.endswith("/"):
            entries.append((word[:-1], None))
        else:
            path, _, content = word.partition("=")
            entries.append((path, content.replace("∅", "").replace("␀", "\0").encode()))
    return state_of(entries)  # type: ignore[arg-type]


def journal_of(script: str, initial: str = "") -> Journal:
    """What a program leaves in a journal: commands with arguments, separated by ``;``."""
    journal = Journal(tree(initial))
    for line in filter(None, (part.strip() for part in script.split(";"))):
        command, *words = line.split()
        if command == "write":
            offset = int(words[2][1:]) if len(words) > 2 else None
            journal.write(words[0], words[1].encode(), offset)
        elif command == "truncate":
            journal.truncate(words[0], int(words[1]))
        elif command.endswith("!"):
            getattr(journal, command[:-1])(*words, failed=True)
        else:
            getattr(journal, command)(*words)
    return journal


def on_disk(model: str, initial: Journal, entries: list[Entry]) -> Disk:
    disk = Disk(MODELS[model], initial.initial)
    for entry in entries:
        disk.apply(entry)
    return disk


def found(model: str, script: str, initial: str = "", how: str = "full") -> CrashStates:
    """What may be found when the machine stops at the end of a program."""
    journal = journal_of(script, initial)
    return crash_states(on_disk(model, journal, journal.entries), how)


def shown(model: str, script: str, initial: str = "") -> set[str]:
    return {str(state) for state in found(model, script, initial).states}
