"""What an operator types, and what comes out: on a real store, without a server."""

import io
import json
import stat
from pathlib import Path

import pytest

from callwright.cli.main import main
from callwright.ivr.files import SAMPLE_FLOW, SAMPLE_SURVEY, sample_text


class Shell:
    """Runs commands in one folder and takes down what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def run(self, *words: str, code: int = 0) -> str:
        """stdout of a command that must exit with `code`."""
        assert main(list(words)) == code, self._capsys.readouterr().err
        out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        if code in (1, 3, 4):
            assert out == ""
            assert len(self.err.splitlines()) == 1, self.err
            assert self.err.startswith("callwright: ")
        return out

    def ask(self, *words: str) -> dict[str, object]:
        """The one JSON object a command prints."""
        out = self.run(*words, "--json")
        assert out.count("\n") == 1
        return json.loads(out)


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


@pytest.fixture
def files(tmp_path) -> Path:
    (tmp_path / "flow.yaml").write_text(sample_text(SAMPLE_FLOW))
    (tmp_path / "survey.yaml").write_text(sample_text(SAMPLE_SURVEY))
    return tmp_path


def test_init_makes_everything_that_a_first_call_needs(shell):
    made = shell.ask("init")
    assert list(made) == [
        "user",
        "developer_key",
        "application_id",
        "deployment_id",
        "survey_id",
        "instance_id",
    ]
    assert len(made["developer_key"]) == 43
    assert stat.S_IMODE(Path("callwright.toml").stat().st_mode) == 0o600
    assert Path("callwright.db").exists()
    apps = shell.ask("app", "list")["applications"]
    assert [(a["application_id"], a["deployment_id"]) for a in apps] == [
        (made["application_id"], made["deployment_id"])
    ]
    surveys = shell.ask("survey", "list")["surveys"]
    assert [(s["survey_id"], s["instance_id"]) for s in surveys] == [
        (made["survey_id"], made["instance_id"])
    ]


def test_init_prints_a_ready_curl_line(shell):
    out = shell.run("init", "--email", "ana@example.com")
    assert "curl -u 'ana@example.com:" in out
    assert "http://127.0.0.1:8080/api/apps/1/1/queue" in out


def test_init_keeps_settings_that_are_there_and_refuses_a_store_in_use(shell, tmp_path):
    Path("mine.toml").write_text('[store]\nurl = "sqlite:mine.db"\n')
    shell.run("init", "--config", "mine.toml")
    assert Path("mine.toml").read_text() == '[store]\nurl = "sqlite:mine.db"\n'
    assert (tmp_path / "mine.db").exists()
    shell.run("init", "--config", "mine.toml", code=3)
    assert "set up already" in shell.err


def test_init_that_fails_leaves_no_settings_behind(shell):
    shell.run("init", "--email", "no address", code=3)
    assert "must be an e-mail address" in shell.err
    assert not Path("callwright.toml").exists()
    shell.run("init", "--config", "no/such/folder/c.toml", code=3)
    assert "cannot be written" in shell.err


def test_user_add_rotate_key_deactivate_list(shell, monkeypatch):
    made = shell.ask("user", "add", "ana@example.com", "--admin")
    assert len(made["developer_key"]) == 43
    rotated = shell.ask("user", "rotate-key", "ana@example.com")
    assert rotated["developer_key"] != made["developer_key"]
    assert shell.ask("user", "deactivate", "ana@example.com")["active"] is False
    assert shell.ask("user", "list")["users"] == [
        {"user": "ana@example.com", "admin": True, "active": False, "deleted": False}
    ]
    assert shell.ask("user", "activate", "ANA@example.com")["active"] is True
    assert "active" in shell.run("user", "list")
    shell.run("user", "grant", "ana@example.com", "pci")
    shell.run("user", "grant", "ana@example.com", "deploy-survey")
    shell.run("user", "add", "ana@example.com", code=3)
    assert "already" in shell.err
    for command in ("rotate-key", "deactivate", "delete"):
        shell.run("user", command, "nobody@example.com", code=3)
        assert "No user was found." in shell.err
    assert shell.ask("user", "delete", "ana@example.com")["deleted"] is True
    assert shell.ask("user", "list")["users"][0]["deleted"] is True
    assert "deleted" in shell.run("user", "list")
    for command in ("rotate-key", "activate"):
        shell.run("user", command, "ana@example.com", code=3)
        assert "was deleted" in shell.err


def test_a_key_from_stdin_is_taken_and_not_shown(shell, monkeypatch):
    def stdin(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    stdin("your_developer_key\n")
    assert shell.ask("user", "add", "ana@example.com", "--key-stdin") == {"user": "ana@example.com"}
    stdin("short\n")
    shell.run("user", "add", "bob@example.com", "--key-stdin", code=3)
    assert "at least 16" in shell.err
    stdin("")
    shell.run("user", "rotate-key", "ana@example.com", "--key-stdin", code=3)
    assert "stdin is empty" in shell.err


def test_app_add_deploy_delete(shell, files):
    shell.run("app", "add", "Reminder", "--flow", "flow.yaml", code=3)
    assert "callwright user add" in shell.err
    shell.run("user", "add", "ana@example.com")
    assert shell.ask("app", "add", "Reminder", "--flow", "flow.yaml") == {"application_id": 1}
    assert shell.ask("app", "list")["applications"][0]["deployment_id"] is None
    first = shell.ask("app", "deploy", "1", "--label", "one", "--var", "first_name=Ana")
    assert first == {"application_id": 1, "deployment_id": 1}
    second = shell.ask("app", "deploy", "1", "--flow", "flow.yaml", "--caller-id", "6175550100")
    assert second == {"application_id": 1, "deployment_id": 2}
    assert shell.ask("app", "list")["applications"][0]["deployment_id"] == 2
    shell.run("app", "delete", "1")
    assert shell.ask("app", "list")["applications"][0]["deleted"] is True
    shell.run("app", "deploy", "1", code=3)
    assert "was deleted" in shell.err
    shell.run("app", "deploy", "7", code=3)
    assert "No application was found." in shell.err


def test_survey_add_deploy_delete(shell, files):
    shell.run("user", "add", "ana@example.com")
    added = shell.ask("survey", "add", "survey.yaml", "--metadatabase", "first_name, last_name")
    assert added == {"survey_id": 1}
    expires, limit = ("--expires", "2099-12-31T18:00:00Z"), ("--max-responses", "10")
    made = shell.ask("survey", "deploy", "1", *expires, *limit)
    assert made == {"survey_id": 1, "instance_id": 1}
    assert shell.ask("survey", "deploy", "1", "--expires", "4102444800")["instance_id"] == 2
    for moment in ("yesterday", "2001-01-01", "9" * 30):
        shell.run("survey", "deploy", "1", "--expires", moment, code=3)
        assert "expires: " in shell.err
    shell.run("survey", "delete", "1")
    shell.run("survey", "add", "survey.yaml", "--metadatabase", "a,A", code=3)
    assert "named twice" in shell.err
    shell.run("survey", "add", "survey.yaml", "--metadatabase", "a b", code=3)
    assert "no name of a column" in shell.err


def test_metadatabases_are_added_named_by_surveys_and_pushed_into(shell, files):
    shell.run("user", "add", "ana@example.com")
    added = shell.ask("metadatabase", "add", "Patients", "first_name, city")
    assert added == {"metadatabase_id": 1, "name": "Patients", "columns": ["first_name", "city"]}
    shell.run("metadatabase", "add", "PATIENTS", "x", code=3)
    assert "already" in shell.err
    shell.run("survey", "add", "survey.yaml", "--metadatabase", "patients")
    # nothing was made for the survey itself
    (only,) = shell.ask("metadatabase", "list")["metadatabases"]
    assert only == added
    assert shell.run("metadatabase", "list").splitlines()[1].split() == [
        "1",
        "Patients",
        "first_name,city",
    ]
    shell.run("survey", "add", "survey.yaml", "--metadatabase", "first_name")
    assert len(shell.ask("metadatabase", "list")["metadatabases"]) == 2
    values = ("--set", "CITY=Boston", "--set", "first_name=Ana")
    pushed = shell.ask("metadatabase", "push", "patients", *values)
    assert pushed["record"] == {"CITY": "Boston", "first_name": "Ana"}
    shell.run("metadatabase", "push", "patients", "--set", "street=x", code=3)
    assert "'street' is no column" in shell.err
    shell.run("metadatabase", "push", "nobody", "--set", "city=x", code=3)
    assert "No metadatabase was found." in shell.err
    shell.run("metadatabase", "push", "patients", "--set", "city", code=2)
    assert "--set" in shell.err


def test_a_deployment_names_a_trunk_of_the_settings(shell, files):
    shell.run("user", "add", "ana@example.com")
    shell.run("app", "add", "Reminder", "--flow", "flow.yaml")
    shell.run("survey", "add", "survey.yaml")
    for program in (("app", "1"), ("survey", "2")):
        shell.run(program[0], "deploy", program[1], "--trunk", "mian", code=3)
        assert "trunk: the settings have none of that name; there is: " in shell.err
    trunk = shell.err.rsplit(" ", 1)[1].strip()
    shell.run("app", "deploy", "1", "--trunk", trunk)


def test_a_missing_wrong_or_swapped_file_is_one_line(shell, files):
    shell.run("user", "add", "ana@example.com")
    shell.run("app", "add", "x", "--flow", "absent.yaml", code=3)
    assert "absent.yaml: cannot read it" in shell.err
    Path("broken.yaml").write_text("callwright: 1\nname: x\nsteps:\n  a: [\n")
    shell.run("app", "add", "x", "--flow", "broken.yaml", code=3)
    assert "broken.yaml:" in shell.err
    shell.run("app", "add", "x", "--flow", "survey.yaml", code=3)
    assert "is a survey, not a flow" in shell.err
    shell.run("survey", "add", "flow.yaml", code=3)
    assert "is a flow, not a survey" in shell.err


def test_the_owner_must_be_plain(shell, files):
    shell.run("user", "add", "ana@example.com")
    shell.run("user", "add", "bob@example.com")
    shell.run("app", "add", "x", "--flow", "flow.yaml", code=3)
    assert "several users" in shell.err
    shell.run("app", "add", "x", "--flow", "flow.yaml", "--owner", "bob@example.com")
    shell.run("user", "add", "eve@example.com", "--admin")
    shell.run("app", "add", "y", "--flow", "flow.yaml")
    shell.run("app", "add", "x", "--flow", "flow.yaml", "--owner", "nobody@example.com", code=3)


def test_config_check_shows_what_is_in_force(shell, monkeypatch):
    monkeypatch.setenv("CALLWRIGHT_TRUNKS__MAIN__ADDRESS", "sip:127.0.0.1:5060")
    monkeypatch.setenv("CALLWRIGHT_TRUNKS__MAIN__PASSWORD", "hunter2")
    settings = shell.ask("config", "check")["settings"]
    assert settings["trunks.main.password"]["value"] == "********"
    assert settings["server.listen"] == {"value": "127.0.0.1:8080", "source": "default"}
    assert "hunter2" not in shell.run("config", "check")
    Path("callwright.toml").write_text("[server]\nlissen = 'x'\n")
    shell.run("config", "check", code=3)
    assert "did you mean server.listen?" in shell.err


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["user", "add"],
        ["user", "nonsense"],
        ["app", "deploy", "x"],
        ["app", "deploy", "1", "--var", "novalue"],
        ["serve", "--grace", "-1"],
        ["phones", "--listen", "5070"],
        ["init", "--nonsense"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(shell, words):
    assert shell.run(*words, code=2) == ""
    assert shell.err.startswith("callwright: ")
    assert len(shell.err.splitlines()) == 1


def test_doctor_says_what_is_missing_and_what_to_do(shell, monkeypatch):
    monkeypatch.setenv("CALLWRIGHT_SERVER__LISTEN", "127.0.0.1:0")
    report = json.loads(shell_out(shell, "doctor", "--json", code=1))
    assert report["ok"] is False
    store = next(f for f in report["findings"] if f["about"] == "store")
    assert (store["level"], store["advice"]) == ("fail", "run `callwright init`")
    assert not Path("callwright.db").exists()
    shell.run("init")
    report = shell.ask("doctor")
    assert report["ok"] is True
    assert {"config", "store", "disk", "port", "clock", "speech", "trunk"} <= {
        finding["about"] for finding in report["findings"]
    }
    Path("callwright.toml").write_text("[lines]\nprocesses = 0\n")
    assert "FAIL  config: " in shell_out(shell, "doctor", code=1)


def test_doctor_asks_the_trunk(shell, monkeypatch):
    monkeypatch.setenv("CALLWRIGHT_SERVER__LISTEN", "127.0.0.1:0")
    monkeypatch.setattr("callwright.cli.trunk_checks.ANSWERS_WITHIN_S", 0.2)
    shell.run("init")
    for address, level, words in (
        ("sip:no-such-host.invalid:5060", "fail", "is not known"),
        ("sip:127.0.0.1:9;transport=tcp", "fail", "cannot be reached"),
        ("sip:127.0.0.1:9", "fail", "cannot be reached"),
        ("sip:192.0.2.1:5060", "warn", ""),
    ):
        monkeypatch.setenv("CALLWRIGHT_TRUNKS__MAIN__ADDRESS", address)
        out = shell_out(shell, "doctor", "--json", code=None)
        findings = json.loads(out)["findings"]
        trunk = next(f for f in findings if f["about"] == "trunk main")
        if address.startswith("sip:192.0.2.1") and trunk["level"] == "fail":
            continue  # this machine has no route to test networks at all
        assert trunk["level"] == level, trunk
        assert words in trunk["text"]


def shell_out(shell: Shell, *words: str, code: int | None) -> str:
    """stdout of a command that reports its findings there whatever its exit code."""
    result = main(list(words))
    assert code is None or result == code
    return shell._capsys.readouterr().out
