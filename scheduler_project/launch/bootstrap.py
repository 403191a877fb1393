"""Creates `.venv` and installs the locked packages. Uses only the standard library.

Run this file by its path. Even a Python older than 3.11 must be able to run the file, and to report that this Python is
too old. So the file contains only syntax of Python 3.6, and annotations that need a later Python are quoted.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
MIN_PYTHON = (3, 11)
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"

N_OUTPUT_LINES = 15  # lines of pip, uv or venv that are shown after a failure: enough for the last error

# Patterns in the output of pip, uv and venv, and the message for each. The first pattern that matches wins.
DISK_FULL = "The disk is full. Free about 500 MB and run the same command again."
NO_VENV = "This Python can't create virtual environments. On Debian or Ubuntu: sudo apt install python3-venv"
WRONG_HASH = (
    "A downloaded package does not match the lock file (wrong hash): a proxy or mirror between this machine and the "
    "package index changes downloads. Check the proxy or mirror, and run the same command again."
)
NO_NETWORK = (
    "The packages can't be downloaded: the package index is not reachable. Check the network (or proxy settings) "
    "and run the same command again."
)
NOT_WRITABLE = f"A file or folder is not writable. Check the owner and permissions of {ROOT} and of its content."
NO_BUILD = (
    "A package has no build for this machine and Python version. Supported: CPython 3.11 to 3.14 on Linux and macOS, "
    "64 bit. To choose another Python: make run PYTHON=python3.12"
)
CAUSES = (
    (r"No space left on device|os error 28", DISK_FULL),
    (r"ensurepip is not available|No module named '?(ensurepip|venv)", NO_VENV),
    (r"DO NOT MATCH THE HASHES|[Hh]ash mismatch", WRONG_HASH),
    (r"name resolution|NameResolutionError|getaddrinfo|nodename nor servname|dns error", NO_NETWORK),
    (r"Failed to establish a new connection|Network is unreachable|Connection refused|timed out", NO_NETWORK),
    (r"ProxyError|error sending request|[Cc]onnect error", NO_NETWORK),
    (r"Permission denied|Read-only file system", NOT_WRITABLE),
    (r"No matching distribution|no wheels with a matching|No solution found|is not a supported wheel", NO_BUILD),
)


class CannotInstall(Exception):
    """The environment can't be created, or a package can't be installed. The printed message says why."""


def why_unsupported(version: "tuple[int, ...]") -> str:
    """Return the error message if this Python is too old, else an empty string."""
    if tuple(version[:2]) >= MIN_PYTHON:
        return ""
    return (
        f"Mainspring needs Python 3.11 or later, and this is Python {version[0]}.{version[1]}. "
        "Install a newer Python, or choose an installed one: make run PYTHON=python3.12"
    )


def explain(output: str) -> str:
    """Return the error message for a failed installation.

    If a pattern of `CAUSES` matches the output, the message gives the cause and the remedy.
    """
    for pattern, sentence in CAUSES:
        if re.search(pattern, output):
            return sentence
    return "The packages could not be installed. The cause follows."


def stamp(root: str, kind: str) -> str:
    """Return the content of the stamp file, which depends on the lock file, the Python version and the folder."""
    with open(os.path.join(root, LOCKS[kind]), "rb") as lock:
        digest = hashlib.sha256(lock.read()).hexdigest()
    return f"{digest} {PYTHON} {os.path.join(root, '.venv')}"


def up_to_date(root: str, kind: str) -> bool:
    """Return whether the environment works and contains the packages of the lock file for `kind`."""
    return _read(root, kind) == stamp(root, kind) and _works(root)


def ensure(root: str, kind: str) -> None:
    """Create or update the environment, after waiting for any other process that does so. Raises CannotInstall."""
    if up_to_date(root, kind):
        return
    descriptor = os.open(root, os.O_RDONLY)  # locking the folder itself leaves no lock file behind
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _print("Another command is installing the packages; waiting until it has finished.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not up_to_date(root, kind):
            _install(root, kind)
    finally:
        os.close(descriptor)


def _install(root: str, kind: str) -> None:
    venv = os.path.join(root, ".venv")
    lock = os.path.join(root, LOCKS[kind])
    unfinished = os.path.join(venv, "mainspring.unfinished")
    uv = shutil.which("uv")
    with open(lock) as lines:
        n_packages = sum(1 for line in lines if re.match(r"[A-Za-z0-9]", line))
    _print(
        f"Installing {n_packages} packages into .venv with {'uv' if uv else 'pip'}; "
        f"the first installation takes about {'ten seconds' if uv else 'a minute'}."
    )
    if os.path.islink(venv):
        os.unlink(venv)  # a link to the environment of another checkout, which must not change
    # An interrupted installation can look complete to pip, so its environment is created again.
    if not _works(root) or os.path.exists(unfinished) or not _was_created_here(root):
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv] if uv else _venv_command(venv))
    for each in LOCKS:
        if os.path.exists(_stamp_file(root, each)):
            os.remove(_stamp_file(root, each))
    open(unfinished, "w").close()
    python = os.path.join(venv, "bin", "python")
    if uv:
        _run([uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--require-hashes", "-r", lock])
    else:
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2"]
        _run([python, "-m", "pip", "install"] + quiet + ["--no-deps", "--require-hashes", "-r", lock])
    for each in ("run", "dev") if kind == "dev" else ("run",):  # the dev lock contains all packages of the run lock
        with open(_stamp_file(root, each), "w") as file:
            file.write(stamp(root, each))
    os.remove(unfinished)


def _venv_command(venv: str) -> "list[str]":
    return [sys.executable, "-m", "venv", "--clear", venv]


def _run(command: "list[str]") -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONHOME")}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        check=False,
    )
    if done.returncode:
        output = done.stdout.decode(errors="replace").strip()
        end = "\n".join("    " + line for line in output.splitlines()[-N_OUTPUT_LINES:])
        raise CannotInstall(f"{explain(output)}\n\nThe last output lines of {os.path.basename(command[0])}:\n{end}")


def _works(root: str) -> bool:
    """Return whether `.venv` has a folder for packages, and a working Python of the same version as this Python."""
    folder = os.path.join(root, ".venv")
    if not os.path.isdir(os.path.join(folder, "lib", PYTHON, "site-packages")):
        return False
    same = f"import sys; sys.exit('python%d.%d' % sys.version_info[:2] != '{PYTHON}')"
    try:
        return subprocess.call([os.path.join(folder, "bin", "python"), "-I", "-S", "-c", same]) == 0
    except OSError:
        return False


def _was_created_here(root: str) -> bool:
    """Return False if `.venv` was moved or copied to this folder: its scripts then contain the old path."""
    stamps = [text for text in (_read(root, kind) for kind in LOCKS) if text]
    return not stamps or any(text.endswith(" " + os.path.join(root, ".venv")) for text in stamps)


def _stamp_file(root: str, kind: str) -> str:
    return os.path.join(root, ".venv", f"mainspring.{kind}")


def _read(root: str, kind: str) -> str:
    try:
        with open(_stamp_file(root, kind)) as file:
            return file.read()
    except OSError:
        return ""


def _print(sentence: str) -> None:
    print(sentence, flush=True)


def main(arguments: "list[str]") -> int:
    """Install the packages of the lock file named by the first argument, `run` or `dev`; return the exit code."""
    sentence = why_unsupported(sys.version_info[:2])
    if sentence:
        sys.stderr.write(f"{sentence}\n")
        return 1
    try:
        ensure(ROOT, arguments[0])
    except CannotInstall as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{explain(str(error))} ({error})\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command again to install the packages.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.path.pop(0)  # remove this script's folder: its modules must not hide modules of the standard library
    sys.exit(main(sys.argv[1:]))
