"""A real PostgreSQL server of our own: Debian's, in a temporary directory, reached by a socket."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Server:
    """A running server. Its superuser is `loader`; anybody may connect by the socket."""

    programs: Path
    data: Path
    socket: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql:///{database}?host={self.socket}&user=loader"

    def control(self, *arguments: str) -> None:
        """pg_ctl, as the server's own user."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "-t", "60", *arguments)

    def run(self, program: str, *arguments: str) -> None:
        user = _unprivileged_user()
        as_user = ["setpriv", f"--reuid={user}", "--clear-groups", "--"] if user else []
        done = subprocess.run(
            [*as_user, str(self.programs / program), *arguments],
            cwd=self.socket,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stdout.decode()}"


def _unprivileged_user() -> str:
    """initdb refuses root; "" when we are somebody else anyway."""
    return "nobody" if os.getuid() == 0 else ""


def find_programs() -> Path | None:
    """Where initdb is: in the path, or where Debian puts it; the newest version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


@contextlib.contextmanager
def running_server(setting: str = "fsync = off") -> Iterator[Server]:
    """Start a server, with some setting more, and stop it.

    Skips the test where none is installed, fails it where one is required.
    """
    programs = find_programs()
    if programs is None:
        if os.environ.get("LOADLOOM_REQUIRE_POSTGRES"):
            pytest.fail("no PostgreSQL here, and LOADLOOM_REQUIRE_POSTGRES is set: apt-get install postgresql")
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    # A socket's path has room for about a hundred characters, pytest's own directories are longer.
    root = Path(tempfile.mkdtemp(prefix="ll-pg-", dir="/tmp"))
    try:
        server = Server(programs, root / "data", root)
        if os.getuid() == 0:
            shutil.chown(root, "nobody")
        server.run("initdb", "-D", str(server.data), "-U", "loader", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = f"listen_addresses = ''\nunix_socket_directories = '{root}'\nmax_connections = 60\n{setting}\n"
        (server.data / "postgresql.auto.conf").write_text(settings)
        server.control("-l", str(root / "log"), "start")
        try:
            yield server
        finally:
            server.control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)
