"""What several end-to-end tests are given, unless they make their own."""

import pytest
from cli_world import Shell, dialling_server, shell_for


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that dials its own phones."""
    with dialling_server(tmp_path_factory.mktemp("cli")) as found:
        yield found


@pytest.fixture
def shell(server, tmp_path, monkeypatch, capsys) -> Shell:
    """Runs commands against `server`."""
    return shell_for(server, tmp_path, monkeypatch, capsys)
