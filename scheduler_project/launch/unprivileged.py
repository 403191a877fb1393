"""Finds installed PostgreSQL programs that can run on this machine.

PostgreSQL refuses to run as root. If the user is root, the programs run in a user namespace or as the user `nobody`.
"""

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

OVERFLOW_ID = 65534  # the kernel's id for users without a mapping; `nobody` on most systems
# For the file system, the process still has root's uid, but not root's right to ignore file modes.
USER_NAMESPACE = ("unshare", "-U", f"--map-user={OVERFLOW_ID}", f"--map-group={OVERFLOW_ID}", "--")
NOBODY_DATA_FOLDER = Path("/var/lib")  # every user may enter this folder, unlike the folders of root's projects
PROGRAM_TIMEOUT = 20  # seconds for `postgres --version`, even on a slow disk

CANNOT_RUN_AS_ROOT = (
    "PostgreSQL refuses to run as root. Mainspring could not run it in a user namespace or as the user `nobody`. "
    "Run this command as an ordinary user, or set DATABASE_URL (for tests TEST_DATABASE_URL) to the URL of a "
    "PostgreSQL 14 or later."
)
INSTALL_POSTGRES = "Install PostgreSQL 14 or later, or set DATABASE_URL (for tests TEST_DATABASE_URL)."
NO_POSTGRES = f"No PostgreSQL was found: the Python packages contain none for this machine. {INSTALL_POSTGRES}"


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """Installed PostgreSQL programs that can run on this machine.

    `prefix` is put before each command line. `user` is the uid that runs the programs, None for the current user.
    `data_root` is a folder to which that user may write.
    """

    bin_folder: Path
    data_root: Path
    version: int
    prefix: tuple[str, ...] = ()
    user: int | None = None

    def path(self, name: str) -> str:
        """Return the path of a program, for example `initdb`."""
        return str(self.bin_folder / name)

    def give_ownership(self, path: Path) -> None:
        """Change the owner of this path to the user that runs the programs."""
        if self.user is not None:
            os.chown(path, self.user, self.user)


def find_programs(bin_folders: Sequence[Path], folder: Path, *, namespaces: bool = True) -> PostgresPrograms:
    """Return the programs of the first of `bin_folders` in which `postgres --version` runs. `folder` is for the data.

    For root, the programs run in a user namespace or as `nobody`. With `namespaces=False`, they run only as `nobody`.
    Raises CannotLaunch, with a remedy, if no program runs.
    """
    if not bin_folders:
        raise CannotLaunch(NO_POSTGRES)
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
    if os.geteuid() == 0 and any(map(_version, bin_folders)):
        raise CannotLaunch(CANNOT_RUN_AS_ROOT)
    raise CannotLaunch(f"{bin_folders[0] / 'postgres'} does not run on this machine. {INSTALL_POSTGRES}")


def _as_nobody(bin_folder: Path, folder: Path) -> PostgresPrograms | None:
    if not _version(bin_folder):  # the program does not run at all, and a copy would not run either
        return None
    try:
        user = pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return None
    data_root = folder / "nobody"
    data_root.mkdir(exist_ok=True)
    # The launcher's folders are private to root. `nobody` needs the x bit only, to reach its own folder inside.
    for private in (folder, folder.parent):
        if private.stat().st_uid == 0 and private.name.startswith((".mainspring", "mainspring-", "postgres")):
            private.chmod(0o711)
    os.chown(data_root, user, user)
    if not _writable(data_root, user=user):
        data_root = NOBODY_DATA_FOLDER / f"mainspring-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
        data_root.mkdir(exist_ok=True)
        os.chown(data_root, user, user)
    data_root.chmod(0o700)
    if not (version := _version(bin_folder, user=user)):  # for example in a virtual environment under /root
        bin_folder = _copy_programs(bin_folder, data_root)
        version = _version(bin_folder, user=user)
    return PostgresPrograms(bin_folder, data_root, version, user=user) if version else None


def _copy_programs(bin_folder: Path, data_root: Path) -> Path:
    """Copy the PostgreSQL installation and its libraries into `data_root`. Return the `bin` folder of the copy.

    A wheel may install the libraries in a folder beside the installation. The copy keeps the layout, because the
    programs find their libraries by relative paths. If there is a complete copy already, nothing is copied.
    """
    installation = bin_folder.parent
    package = installation.parent
    copies = data_root / "programs"
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
    """Return PostgreSQL's major version; 0 if `postgres` does not run with this prefix and user."""
    output = _output_of([*prefix, str(bin_folder / "postgres"), "--version"], user=user)
    found = re.search(r"\) (\d+)", output or "")
    return int(found[1]) if found else 0


def _writable(folder: Path, prefix: tuple[str, ...] = (), *, user: int | None = None) -> bool:
    return _output_of([*prefix, "test", "-w", str(folder), "-a", "-x", str(folder)], user=user) is not None


def _output_of(command: list[str], *, user: int | None) -> str | None:
    """Return the command's standard output; None if the command fails, takes too long or can't be started."""
    try:
        return subprocess.run(
            command,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_TIMEOUT,
            check=True,
            cwd="/",
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
