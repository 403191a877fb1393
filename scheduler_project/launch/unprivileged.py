"""How this machine can run PostgreSQL, which refuses to run as root: directly, in a user namespace, or as `nobody`."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler_project.launch.exceptions import CannotLaunch

if TYPE_CHECKING:
    from collections.abc import Sequence

OVERFLOW_ID = 65534  # `nobody` wherever the account exists; the kernel's id for "no such user" everywhere
# In the namespace the process is still this user towards the files, without root's power to ignore their modes.
USER_NAMESPACE = ("unshare", "-U", f"--map-user={OVERFLOW_ID}", f"--map-group={OVERFLOW_ID}", "--")
HOMES_OF_NOBODY = Path("/var/lib")

NO_WAY = (
    "PostgreSQL can't run here as root: this machine allows neither user namespaces nor dropping to `nobody`. "
    "Run as an ordinary user, or give DATABASE_URL (for tests TEST_DATABASE_URL) of a PostgreSQL 14 or later."
)
NO_PROGRAMS = (
    "No PostgreSQL for this machine: its wheel brings none. Install PostgreSQL 14 or later, or give DATABASE_URL "
    "(for tests TEST_DATABASE_URL)."
)


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """Programs that run here: put `prefix` before them, start them as `user` (None: as now), keep data in `home`."""

    bin_folder: Path
    data_root: Path
    version: int
    prefix: tuple[str, ...] = ()
    user: int | None = None

    def path(self, name: str) -> str:
        """The path of one of PostgreSQL's programs."""
        return str(self.bin_folder / name)

    def give_ownership(self, path: Path) -> None:
        """Let the user who runs the programs own this path."""
        if self.user is not None:
            os.chown(path, self.user, self.user)


def find_programs(bin_folders: Sequence[Path], folder: Path, *, namespaces: bool = True) -> PostgresPrograms:
    """The first way that works, tried out with `postgres --version` and a look at `folder`.

    `namespaces=False` leaves the user namespace out. Raises CannotLaunch with what to do when nothing works.
    """
    if not bin_folders:
        raise CannotLaunch(NO_PROGRAMS)
    folder = folder.resolve()
    for bin_folder in bin_folders:
        if os.geteuid() != 0:
            if version := _version(bin_folder):
                return PostgresPrograms(bin_folder, folder, version)
            continue
        if namespaces and (version := _version(bin_folder, USER_NAMESPACE)) and _writable(folder, USER_NAMESPACE):
            return PostgresPrograms(bin_folder, folder, version, prefix=USER_NAMESPACE)
        if programs := _as_nobody(bin_folder, folder):
            return programs
    if os.geteuid() != 0:
        raise CannotLaunch(f"{bin_folders[0] / 'postgres'} does not run on this machine. " + NO_PROGRAMS)
    raise CannotLaunch(NO_WAY)


def _as_nobody(bin_folder: Path, folder: Path) -> PostgresPrograms | None:
    if not _version(bin_folder):  # no use in copying what doesn't run at all
        return None
    try:
        user = pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return None
    home = folder / "nobody"
    home.mkdir(exist_ok=True)
    # The folders of the launcher are private; only passing through must be allowed.
    for private in (folder, folder.parent):
        if private.stat().st_uid == 0 and private.name.startswith((".mainspring", "mainspring-", "postgres")):
            private.chmod(0o711)
    os.chown(home, user, user)
    if not _writable(home, user=user):
        home = HOMES_OF_NOBODY / f"mainspring-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
        home.mkdir(exist_ok=True)
        os.chown(home, user, user)
    home.chmod(0o700)
    if not (version := _version(bin_folder, user=user)):
        bin_folder = _copy_programs(bin_folder, home)
        version = _version(bin_folder, user=user)
    return PostgresPrograms(bin_folder, home, version, user=user) if version else None


def _copy_programs(bin_folder: Path, home: Path) -> Path:
    """Copy the installation, and the libraries that its wheel keeps beside the package, with the same layout."""
    installation = bin_folder.parent
    package = installation.parent
    copies = home / "programs"
    if not (copies / "complete").exists():
        shutil.rmtree(copies, ignore_errors=True)
        ignored = shutil.ignore_patterns("include", "doc", "*.a")
        shutil.copytree(installation, copies / package.name / installation.name, symlinks=True, ignore=ignored)
        if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
            shutil.copytree(libraries, copies / libraries.name, symlinks=True)
        for path in (copies, *copies.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        (copies / "complete").touch()
    return copies / package.name / installation.name / bin_folder.name


def _version(bin_folder: Path, prefix: tuple[str, ...] = (), *, user: int | None = None) -> int:
    """PostgreSQL's major version, 0 when the program does not run this way."""
    output = _output_of([*prefix, str(bin_folder / "postgres"), "--version"], user=user)
    found = re.search(r"\) (\d+)", output or "")
    return int(found[1]) if found else 0


def _writable(folder: Path, prefix: tuple[str, ...] = (), *, user: int | None = None) -> bool:
    return _output_of([*prefix, "test", "-w", str(folder), "-a", "-x", str(folder)], user=user) is not None


def _output_of(command: list[str], *, user: int | None) -> str | None:
    """Standard output; None when the command fails or can't even be started."""
    try:
        return subprocess.run(
            command,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            cwd="/",
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
