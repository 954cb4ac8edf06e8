#!/usr/bin/env python3
"""Set Callwright up in `.venv`, then run one of its commands.

Needs Python 3.11 or newer, and either uv on PATH or pip. Everything installed is pinned by hash
in requirements.lock. A stamp in `.venv` remembers what was installed, so that only the first run
(and the first after a change of the lock, pyproject.toml or Python) takes time or a network.

Standard library only, one file. Says what it does on stderr; stdout belongs to the command,
which replaces this process, so signals and exit codes are the command's own.
"""

import ast
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

# This file must still parse on old Pythons, or the sentence below is never read.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "go: Callwright needs Python 3.11 or newer; {} is {}. Run this with a newer one.".format(  # noqa: UP032
            sys.executable, platform.python_version()
        )
    )

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
STAMP = VENV / "go.stamp"
TOOLS = ROOT / ".tools"

# What some tests use and no wheel brings: tests/unit/test_repository_go.py holds this list
# against the programs the tests ask for.
APT_PACKAGES = (
    "sip-tester baresip-core php-cli php-curl tshark espeak-ng curl sox openssl "
    "kamailio kamailio-tls-modules chromium"
)

USAGE = """\
usage: python3 go COMMAND [ARGUMENT ...]

  demo            start everything and dial simulated phones over SIP on this machine
  test [ARG ...]  run the tests, several files at once unless ARGs name a path; ARGs go to
                  pytest (-n0: one after the other); --all makes a skip a failure
  check           format, lint, types, layers
  bench [NAME]    run bench/NAME.py, or all of them
  stress NAME     run stress/NAME.py: prove a promise, or with --break that the proof works
  system          install the programs some tests use (apt, as root)
  lock [ARG ...]  write requirements.lock anew; ARGs go to `uv pip compile`, e.g. --upgrade
  NAME ...        run `callwright NAME ...`, e.g. python3 go serve
"""


class StepFailed(Exception):
    """A command of the set-up ended badly; it has said why on stderr."""


def main(arguments: list[str]) -> int:
    """Run one command; comes back only where several programs had to run one after the other."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stderr.write(USAGE)
        return 0 if arguments else 2
    name, *rest = arguments
    if name == "system":
        return install_system_packages()
    if name == "lock":
        return write_lock(rest)
    try:
        set_up()
    except (StepFailed, OSError) as failure:
        say(f"cannot set up: {failure}. Nothing was run.")
        return 1
    if name == "test":
        # Hypothesis would leave a folder wherever the caller stands.
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".hypothesis"))
        return replace_process([str(PYTHON), "-m", "pytest", *pytest_arguments(rest)])
    if name == "check":
        return run_in_turn(check_commands(), cwd=ROOT)
    if name == "bench":
        return run_benches(rest)
    if name == "stress":
        return run_stress(rest)
    return replace_process([str(BIN / "callwright"), *arguments])


# ── the set-up ──────────────────────────────────────────────────────────────────────────────


def set_up() -> None:
    """Make `.venv` hold exactly the lock and this package; at once if it does already.

    Raises:
        StepFailed: neither uv nor pip could.
    """
    wanted = stamp()
    if stamped() == wanted:
        return
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "set-up.lock").open("w") as lock:
        # Two runs at once must not both write into .venv.
        fcntl.flock(lock, fcntl.LOCK_EX)
        standing = stamped()
        if standing == wanted:
            return
        started = time.monotonic()
        # An edit of pyproject.toml alone then needs no network.
        lock_stands = standing[:1] == wanted[:1]
        say(f"setting up {VENV}" + ("" if lock_stands else " (once; needs the package index)"))
        if not lock_stands:
            STAMP.unlink(missing_ok=True)
        try:
            install_with_uv(lock_stands)
        except (StepFailed, OSError) as failure:
            say(f"{failure}; trying again with venv and pip")
            install_with_pip(lock_stands)
        STAMP.write_text("\n".join(wanted), encoding="utf-8")
        say(f"set up in {time.monotonic() - started:.1f} s")


def stamp() -> list[str]:
    """What `.venv` follows from: a hash for what the lock decides, one for the package itself.

    The folder is part of it: scripts and the editable install hold absolute paths, so a copy or
    a moved clone is set up anew. Of Python's version only what decides which wheels fit counts.
    """
    place = "\0".join([python_kind(), platform.machine(), str(ROOT)]).encode()
    project = (ROOT / "pyproject.toml").read_bytes()
    return [hashlib.sha256(place + part).hexdigest() for part in (LOCK.read_bytes(), project)]


def stamped() -> list[str]:
    """The stamp of what is installed; empty where nothing usable is."""
    # PYTHON is a link: it stops existing when the Python it was made from is removed.
    try:
        return STAMP.read_text(encoding="utf-8").split() if PYTHON.exists() else []
    except OSError:
        return []


def python_kind() -> str:
    return f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"


def install_with_uv(lock_stands: bool) -> None:
    pip = pip_settings()
    environment = uv_environment(pip, dict(os.environ))
    uv = find_uv()
    into = ["--quiet", "--python", str(PYTHON)]
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        into.append("--no-index")
    if not lock_stands:
        make_venv([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)], environment)
        step([uv, "pip", "sync", *into, "--require-hashes", str(LOCK)], environment)
    # hatchling stands in the lock, so the build needs no index of its own.
    editable = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    step([uv, "pip", "install", *into, *editable], environment)


def install_with_pip(lock_stands: bool) -> None:
    environment = pip_environment()
    if not lock_stands:
        # Debian's python3 has venv but no ensurepip: the outer pip works on it from outside.
        make_venv([sys.executable, "-m", "venv", "--without-pip", str(VENV)], environment)
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    elif importlib.util.find_spec("ensurepip"):
        step([str(PYTHON), "-m", "ensurepip"], environment)
        pip = [str(PYTHON), "-m", "pip"]
    else:
        raise StepFailed("there is neither uv nor pip (on Debian: apt-get install python3-pip)")
    install = [*pip, "install", "--quiet"]
    if not lock_stands:
        step([*install, "--require-hashes", "--requirement", str(LOCK)], environment)
    editable = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    step([*install, *editable], environment)


def make_venv(maker: list[str], environment: dict[str, str]) -> None:
    """Keep a `.venv` whose Python runs and is of our kind; replace any other."""
    kind = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"
    with contextlib.suppress(OSError):
        asked = subprocess.run([str(PYTHON), "-c", kind], capture_output=True, text=True)
        if asked.stdout.strip() == python_kind():
            return
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    step(maker, environment)


def find_uv() -> str:
    """A uv that runs: from PATH, or from `.tools`, or fetched there by pip."""
    fetched = TOOLS / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(fetched)):
        if candidate and runs(candidate):
            return candidate
    say("no uv on PATH: fetching it into .tools")
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade"]
    step([*fetch, "--only-binary", ":all:", "--target", str(TOOLS), "uv"], pip_environment())
    return str(fetched)


def runs(program: str) -> bool:
    # A version manager's shim may be on PATH with nothing behind it: only running it tells.
    try:
        return subprocess.run([program, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def pip_environment() -> dict[str, str]:
    """The environment for pip, without the settings that forbid an install beside the system's."""
    # .tools and .venv are ours alone, so the rule that protects the system's packages is not
    # about them; pips that do not know one of these ignore it.
    ours = {
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    return {**os.environ, **ours}


def pip_settings() -> dict[str, str]:
    """What pip would use here, from its files and environment: option name to value."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    )
    sections: dict[str, dict[str, str]] = {}
    for line in told.stdout.splitlines():
        key, equals, value = line.partition("=")
        section, dot, option = key.partition(".")
        if equals and dot:
            with contextlib.suppress(ValueError, SyntaxError):
                sections.setdefault(section, {})[option] = str(ast.literal_eval(value))
    # Read here and not from pip's ":env:" lines: there may be a uv and no pip.
    environment = {
        name[4:].lower().replace("_", "-"): value
        for name, value in os.environ.items()
        if name.startswith("PIP_") and value
    }
    return {**sections.get("global", {}), **sections.get("install", {}), **environment}


def uv_environment(pip: dict[str, str], environment: dict[str, str]) -> dict[str, str]:
    """`environment` with pip's index, wheel folder, certificate and proxy settings in uv's names.

    What the environment already says to uv itself stays as it is.
    """
    found: dict[str, str] = {}
    if not any(name in environment for name in UV_INDEX_NAMES):
        found["UV_DEFAULT_INDEX"] = found["UV_INDEX_URL"] = pip.get("index-url", "")
        extra = [url for url in pip.get("extra-index-url", "").split() if not is_missing(url)]
        found["UV_EXTRA_INDEX_URL"] = " ".join(extra)
        # pip looks for a version on every index; the hashes say which files may come.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    links = [link for link in pip.get("find-links", "").split() if not is_missing(link)]
    found["UV_FIND_LINKS"] = ",".join(links)
    found["UV_INSECURE_HOST"] = " ".join(pip.get("trusted-host", "").split())
    found["UV_HTTP_TIMEOUT"] = pip.get("default-timeout") or pip.get("timeout", "")
    certificates = pip.get("cert", "")
    found["SSL_CERT_DIR" if os.path.isdir(certificates) else "SSL_CERT_FILE"] = certificates
    found["SSL_CLIENT_CERT"] = pip.get("client-cert", "")
    # The system's store too, where Debian's pip looks: a company's own certificate is there.
    found["UV_SYSTEM_CERTS"] = "1"
    if not any(name in environment for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        found["HTTP_PROXY"] = found["HTTPS_PROXY"] = pip.get("proxy", "")
    given = {name: value for name, value in found.items() if value}
    return {**given, **environment, "UV_PYTHON_DOWNLOADS": "never"}


UV_INDEX_NAMES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")


def is_missing(place: str) -> bool:
    """Whether a wheel folder or file: index is not there; pip passes over it, uv would fail."""
    path = place.removeprefix("file://")
    return path.startswith("/") and not os.path.exists(path)


# ── the commands ────────────────────────────────────────────────────────────────────────────


def pytest_arguments(arguments: list[str]) -> list[str]:
    """Arguments for pytest: ours, then the caller's, whose last word counts.

    If no path is among the caller's: all of tests/, several files at once.
    """
    ours = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    passed = [argument for argument in arguments if argument != "--all"]
    if len(passed) < len(arguments):
        ours += ["--no-skips", "--continue-on-collection-errors"]
    names_a_path = any(
        not argument.startswith("-") and os.path.exists(argument.split("::")[0])
        for argument in passed
    )
    if names_a_path:
        return [*ours, *passed]
    # Half the time goes by in waiting for servers and callees; a file stays in one process.
    at_once = ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"]
    return [*ours, *at_once, *passed, str(ROOT / "tests")]


def check_commands() -> list[list[str]]:
    return [
        [str(BIN / "ruff"), "format", "--check", "."],
        [str(BIN / "ruff"), "check", "."],
        [str(BIN / "mypy")],
        [str(BIN / "lint-imports"), "--no-logo"],
    ]


def programs_in(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def run_stress(arguments: list[str]) -> int:
    folder = ROOT / "stress"
    known = programs_in(folder)
    name, *rest = arguments or [""]
    if name not in known:
        say(f"say which stress to run: {', '.join(known)}")
        return 2
    return replace_process([str(PYTHON), str(folder / f"{name}.py"), *rest])


def run_benches(arguments: list[str]) -> int:
    folder = ROOT / "bench"
    known = programs_in(folder)
    if arguments and not arguments[0].startswith("-"):
        name, *rest = arguments
        if name not in known:
            say(f"no bench called {name}; there are: {', '.join(known) or 'none yet'}")
            return 2
        return replace_process([str(PYTHON), str(folder / f"{name}.py"), *rest])
    return run_in_turn([[str(PYTHON), str(folder / f"{name}.py"), *arguments] for name in known])


def install_system_packages() -> int:
    packages = APT_PACKAGES.split()
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if not shutil.which("apt-get"):
        say(f"this is not a Debian: install what these packages hold: {APT_PACKAGES}")
        return 1
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}\n", *packages]
    states = subprocess.run(query, capture_output=True, text=True).stdout.split()
    if states == ["installed"] * len(packages):
        say("all system packages are installed")
        return 0
    if os.geteuid() != 0:
        say(f"needs root: sudo python3 go system, or: sudo {shlex.join(install)}")
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # An unreachable third-party source fails the update and need not hinder the install.
    if run(["apt-get", "update", "--quiet"], environment, to_stderr=True):
        say("apt-get update had errors; going on with the lists there are")
    return run(install, environment, to_stderr=True)


def write_lock(arguments: list[str]) -> int:
    """Resolve anew from the main index alone: other sources may lack some platforms' files."""
    pip = pip_settings()
    own = ("extra-index-url", "find-links")
    environment = uv_environment(
        {name: value for name, value in pip.items() if name not in own}, dict(os.environ)
    )
    TOOLS.mkdir(exist_ok=True)
    command = [find_uv(), "pip", "compile", "--universal", "--generate-hashes", "--quiet"]
    bare = ["--no-header", "--no-annotate", "--no-emit-index-url"]
    groups = ["--group", "dev", "--group", "build", "--python-version", "3.11"]
    output = ["--output-file", LOCK.name, "pyproject.toml"]
    return run([*command, *bare, *groups, *arguments, *output], environment, cwd=ROOT)


# ── running programs ────────────────────────────────────────────────────────────────────────


def say(sentence: str) -> None:
    sys.stderr.write(f"go: {sentence}\n")
    sys.stderr.flush()


def replace_process(command: list[str]) -> int:
    """Become `command`, in the caller's folder. Comes back only if it cannot be started."""
    sys.stdout.flush()
    try:
        os.execv(command[0], command)
    except OSError as failure:
        say(f"cannot run {command[0]}: {failure.strerror}")
        return 1


def step(command: list[str], environment: dict[str, str]) -> None:
    """Run one command of the set-up.

    Raises:
        StepFailed: it could not be started or did not end with 0.
    """
    try:
        ended = run(command, environment, to_stderr=True, cwd=ROOT)
    except OSError as failure:
        raise StepFailed(f"cannot run {command[0]}: {failure.strerror}") from failure
    if ended:
        raise StepFailed(f"{shlex.join(command[:4])} … ended with {ended}")


def run_in_turn(commands: list[list[str]], cwd: Path | None = None) -> int:
    """Run all of `commands`, and say which failed; the first failure's code is the result."""
    failed: list[tuple[int, str]] = []
    for command in commands:
        named = " ".join([os.path.basename(command[0]), *command[1:3]])
        say(named)
        ended = run(command, dict(os.environ), cwd=cwd)
        if ended:
            failed.append((ended, named))
    for _, named in failed:
        say(f"FAILED: {named}")
    return failed[0][0] if failed else 0


def run(
    command: list[str],
    environment: dict[str, str],
    *,
    to_stderr: bool = False,
    cwd: Path | None = None,
) -> int:
    """Run `command` to its end and give its exit code; die of the signal that ended either."""
    child = subprocess.Popen(
        command, env=environment, cwd=cwd, stdout=sys.stderr if to_stderr else None
    )

    received: list[int] = []

    def pass_on(number: int, frame: object) -> None:
        received.append(number)
        # A terminal sends its interrupt to the child as well: a second would cut its clean-up.
        if number != signal.SIGINT or not os.isatty(0):
            child.send_signal(number)

    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in handled}
    try:
        ended = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received or ended < 0:
        fatal = received[0] if received else -ended
        signal.signal(fatal, signal.SIG_DFL)
        os.kill(os.getpid(), fatal)
    return ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
