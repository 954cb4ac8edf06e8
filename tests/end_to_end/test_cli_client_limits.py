"""`callwright limit` against a server that dials."""

import pytest
from cli_world import Shell, shell_for

from callwright.testing.peers.server import server_folder, trunk

TRUNKS = {
    "trunks.main": trunk("sip:127.0.0.1:15999", calls_per_second=20, max_calls=40),
    "trunks.other": trunk("sip:127.0.0.1:15999", calls_per_second=0.5),
}


def test_a_trunk_is_limited_shown_and_keeps_its_limit_over_a_restart(tmp_path, monkeypatch, capsys):
    with server_folder(tmp_path / "server", TRUNKS) as server:
        server.start()
        shell = shell_for(server, tmp_path, monkeypatch, capsys)
        assert shell.run("limit").splitlines() == [
            "the account has no limits of its own",
            "trunk main may start 20 calls a second and 40 calls at once, 0 in progress",
            "trunk other may start 0.5 calls a second and 400 calls at once, 0 in progress",
        ]
        changed = "trunk main may start 2.5 calls a second and 40 calls at once, 0 in progress"
        settings = "(settings: calls_per_second = 20)"
        said = shell.run("limit", "trunk", "main", "--calls-per-second", "2.5")
        assert said.strip() == f"{changed} {settings}"
        assert server.stop() == 0
        server.start()
        shell = shell_for(server, tmp_path, monkeypatch, capsys)
        main, other = shell.ask("limit", "trunk")["trunks"]
        assert (main["calls_per_second"], other["calls_per_second"]) == (2.5, 0.5)
        assert main["settings"] == {"calls_per_second": 20, "max_calls": 40}
        assert shell.run("limit", "trunk", "main").strip() == f"{changed} {settings}"
        back = shell.ask("limit", "trunk", "main", "--calls-per-second", "none")["limits"]
        assert back["calls_per_second"] == 20
        assert "No trunk was found" in shell.refuse("limit", "trunk", "nowhere", "--max-calls", "1")
        shell.run("limit", "deployment", "1", "--max-calls", "3")
        assert shell.run("limit", "deployment", "1").strip() == (
            "deployment 1 may start 3 calls at once"
        )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("limit", "batch"), "batch is missing"),
        (("limit", "batch", "main"), "is no number of a batch"),
        (("limit", "account", "1"), "account takes none"),
        (("limit", "trunk", "--max-calls", "3"), "trunk is missing"),
        (("limit", "--max-calls", "3"), "is missing"),
        (("limit", "trunk", "main", "--max-calls", "many"), "must be a number or none"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, capsys, words, problem):
    assert problem in Shell(tmp_path, capsys).refuse(*words, code=2)
