"""The `go` script: what it passes on, what it remembers, how it ends.

Its set-up in a bare system is shown by running it there (CONTRIBUTING.md, "The set-up").
"""

import ast
import shutil
import signal
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from callwright.testing.programs import PACKAGES

ROOT = Path(__file__).parents[2]
GO = ROOT / "go"


def load(path: Path) -> ModuleType:
    spec = spec_from_loader("go", SourceFileLoader("go", str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


go = load(GO)


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse(GO.read_text())
    modules = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    } | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names


def test_an_old_python_can_read_it_as_far_as_the_sentence_that_refuses_it() -> None:
    ast.parse(GO.read_text(), feature_version=(3, 7))


def test_its_apt_line_holds_every_program_a_test_may_ask_for() -> None:
    needed = [package for packages in PACKAGES.values() for package in packages]
    assert sorted(go.APT_PACKAGES.split()) == sorted(needed)


PIP_TO_UV = [
    ({"index-url": "https://a.example/i"}, {"UV_DEFAULT_INDEX": "https://a.example/i"}),
    ({"index-url": "https://a.example/i"}, {"UV_INDEX_URL": "https://a.example/i"}),
    (
        {"extra-index-url": "https://a.example/i\nhttps://b.example/i"},
        {"UV_EXTRA_INDEX_URL": "https://a.example/i https://b.example/i"},
    ),
    ({"extra-index-url": "file:///no/such/folder"}, {"UV_EXTRA_INDEX_URL": None}),
    (
        {"find-links": f"{ROOT} https://a.example/w"},
        {"UV_FIND_LINKS": f"{ROOT},https://a.example/w"},
    ),
    ({"find-links": "/no/such/folder"}, {"UV_FIND_LINKS": None}),
    ({"trusted-host": "a.example b.example"}, {"UV_INSECURE_HOST": "a.example b.example"}),
    ({"cert": str(GO)}, {"SSL_CERT_FILE": str(GO), "SSL_CERT_DIR": None}),
    ({"cert": str(ROOT)}, {"SSL_CERT_DIR": str(ROOT), "SSL_CERT_FILE": None}),
    ({"client-cert": "me.pem"}, {"SSL_CLIENT_CERT": "me.pem"}),
    ({"proxy": "http://p.example:3128"}, {"HTTPS_PROXY": "http://p.example:3128"}),
    ({"default-timeout": "180"}, {"UV_HTTP_TIMEOUT": "180"}),
    ({}, {"UV_DEFAULT_INDEX": None, "UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"}),
]


@pytest.mark.parametrize(("pip", "expected"), PIP_TO_UV)
def test_a_setting_of_pip_reaches_uv(pip: dict[str, str], expected: dict[str, str | None]) -> None:
    environment = go.uv_environment(pip, {"PATH": "/bin"})
    assert {name: environment.get(name) for name in expected} == expected
    assert environment["PATH"] == "/bin"


def test_what_the_environment_says_to_uv_itself_stands() -> None:
    pip = {"index-url": "https://a.example/i", "extra-index-url": "https://b.example/i"}
    environment = go.uv_environment(pip, {"UV_DEFAULT_INDEX": "https://own.example/i"})
    assert environment["UV_DEFAULT_INDEX"] == "https://own.example/i"
    assert not {"UV_INDEX_URL", "UV_EXTRA_INDEX_URL"} & environment.keys()


def test_uv_never_downloads_a_python() -> None:
    assert (
        go.uv_environment({}, {"UV_PYTHON_DOWNLOADS": "automatic"})["UV_PYTHON_DOWNLOADS"]
        == "never"
    )


def test_the_stamp_tells_the_lock_from_the_package_and_one_folder_from_another(
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        for name in ("go", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, folder / name)
    first = load(here / "go").stamp()
    assert load(here / "go").stamp() == first
    assert set(load(there / "go").stamp()).isdisjoint(first)

    (here / "pyproject.toml").write_text("# changed\n")
    lock, project = load(here / "go").stamp()
    assert lock == first[0]
    assert project != first[1]

    (here / "requirements.lock").write_text("# changed\n")
    assert load(here / "go").stamp()[0] != first[0]


def test_without_a_path_all_tests_run_from_any_folder() -> None:
    assert go.pytest_arguments([])[-1] == str(ROOT / "tests")
    assert go.pytest_arguments(["-k", "window"])[-1] == str(ROOT / "tests")
    assert go.pytest_arguments([f"{__file__}::test_x"])[-1] == f"{__file__}::test_x"


def test_all_tests_run_several_files_at_once_unless_the_caller_says_otherwise() -> None:
    assert "--dist=loadfile" in go.pytest_arguments(["-k", "window"])
    assert "--dist=loadfile" not in go.pytest_arguments([__file__])
    both = go.pytest_arguments(["-n0"])
    assert both.index("--numprocesses=auto") < both.index("-n0")


def test_all_forbids_skips() -> None:
    assert "--no-skips" in go.pytest_arguments(["--all"])
    assert "--all" not in go.pytest_arguments(["--all"])
    assert "--no-skips" not in go.pytest_arguments([])


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--help"], 0)])
def test_the_usage_goes_to_stderr(arguments: list[str], code: int) -> None:
    ended = subprocess.run([sys.executable, GO, *arguments], capture_output=True, text=True)
    assert ended.returncode == code
    assert ended.stdout == ""
    assert ended.stderr.startswith("usage: python3 go COMMAND")


# A stand-in for what `go check` and `go bench` do: run a child and end as it ends.
RUNNER = """
import sys, os, runpy
go = runpy.run_path(sys.argv[1])
sys.exit(go["run_in_turn"]([[sys.executable, "-c", code] for code in sys.argv[2:]]))
"""


def test_all_programs_run_and_the_first_failure_is_the_result() -> None:
    codes = ["print('one'); raise SystemExit(7)", "print('two')", "raise SystemExit(3)"]
    ended = subprocess.run(
        [sys.executable, "-c", RUNNER, GO, *codes], capture_output=True, text=True
    )
    assert ended.returncode == 7
    assert ended.stdout.split() == ["one", "two"]
    assert ended.stderr.count("FAILED") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_child_and_ends_both(number: signal.Signals) -> None:
    child = f"""
import signal, sys
signal.signal({number.value}, lambda *_: sys.exit("told"))
print("up", flush=True)
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, GO, child, "print('never')"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "up\n"
        runner.send_signal(number)
        out, talk = runner.communicate(timeout=10)
    assert runner.returncode == -number
    assert "told" in talk
    assert "never" not in out
