"""Which value wins, and what an operator is told when one will not do."""

from datetime import timedelta
from pathlib import Path

import pytest

from callwright.config import (
    Config,
    HostPort,
    PortRange,
    ServerSettings,
    SipAddress,
    TrunkSettings,
    describe,
    load_config,
)
from callwright.errors import ConfigInvalid


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        file = tmp_path / "callwright.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def refusal(path: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        load_config(path, environ or {})
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_without_a_file_every_default_holds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(None, {})
    assert config.file is None
    assert config.server.listen == HostPort("127.0.0.1", 8080)
    assert config.limits.csv_bytes == 256 * 1024 * 1024
    assert config.trunks == {}
    assert config.sqlite_path == Path("callwright.db")


def test_file_is_searched_for_in_order(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    write("[lines]\nprocesses = 2\n")
    named = tmp_path / "named.toml"
    named.write_text("[lines]\nprocesses = 3\n")
    given = tmp_path / "given.toml"
    given.write_text("[lines]\nprocesses = 4\n")
    environ = {"CALLWRIGHT_CONFIG": str(named)}
    assert load_config(None, {}).lines.processes == 2
    assert load_config(None, environ).lines.processes == 3
    assert load_config(given, environ).lines.processes == 4


def test_environment_wins_over_file_and_reaches_into_a_trunk(write):
    file = write(
        '[server]\nlisten = "h:1"\n[trunks.main]\naddress = "sip:a.example"\nmax_calls = 7\n'
    )
    environ = {
        "CALLWRIGHT_SERVER__LISTEN": "[::1]:0",
        "CALLWRIGHT_TRUNKS__MAIN__ADDRESS": "sip:127.0.0.1:5080;transport=TCP",
        "CALLWRIGHT_CALLBACKS__ALLOW": "127.0.0.0/8, localhost:9000",
        "CALLWRIGHT_CALLBACKS__FORM_ENCODED": "true",
    }
    config = load_config(file, environ)
    assert config.server.listen == HostPort("::1", 0)
    assert config.trunks["main"].address == SipAddress("127.0.0.1", 5080, "tcp")
    assert config.trunks["main"].max_calls == 7
    assert config.callbacks.allow == ("127.0.0.0/8", "localhost:9000")
    assert config.callbacks.form_encoded is True


def test_environment_alone_can_make_a_trunk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environ = {
        "CALLWRIGHT_TRUNKS__MAIN__ADDRESS": "sip:127.0.0.1:5060",
        "CALLWRIGHT_TRUNKS__MAIN__RING_TIMEOUT": "1m30s",
    }
    trunk = load_config(None, environ).trunks["main"]
    assert trunk.ring_timeout == timedelta(seconds=90)
    assert trunk.max_call_length == timedelta(hours=1)
    assert trunk.rtp_ports == PortRange(30000, 39999)


def test_settings_can_be_made_of_values_without_a_file():
    trunk = TrunkSettings(
        address=SipAddress("h", 0, "udp"),
        ring_timeout=timedelta(seconds=3),
        rtp_ports=PortRange(2000, 3000),
    )
    config = Config(server=ServerSettings(listen=HostPort("::1", 0)), trunks={"main": trunk})
    assert config.server.listen.port == 0
    assert config.trunks["main"].ring_timeout == timedelta(seconds=3)


def test_variables_of_other_kinds_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load_config(None, {"CALLWRIGHT_USER": "you@example.com", "SERVER": "x", "STORE__URL": "y"})


def test_paths_start_from_the_folder_of_the_file(write, tmp_path):
    assert load_config(write(""), {}).sqlite_path == tmp_path / "callwright.db"
    file = write('[store]\nurl = "sqlite:/var/lib/calls.db"\n')
    assert load_config(file, {}).sqlite_path == Path("/var/lib/calls.db")
    file = write('[store]\nurl = "postgresql://me@host/db"\n')
    assert load_config(file, {}).sqlite_path is None


def test_settings_never_change(write):
    config = load_config(write(""), {})
    with pytest.raises(ValueError):
        config.lines.processes = 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[server]\nlissen = "x"\n', "server.lissen: no such setting; did you mean server.listen?"),
        ('[serve]\nlisten = "x"\n', "serve.listen: no such setting; did you mean server.listen?"),
        ("[server]\ncsv_rows = 3\n", "did you mean limits.csv_rows?"),
        ("processes = 3\n", "processes: no such setting; did you mean lines.processes?"),
        ('[trunks]\naddress = "x"\n', "did you mean trunks.main.address?"),
        ('[trunks.ab]\nadress = "x"\n', "did you mean trunks.ab.address?"),
        ('[trunks.Main]\naddress = "x"\n', "small letters"),
        ("[trunks.main]\nmax_calls = 3\n", "trunks.main: needs an address"),
        ("[lines]\nprocesses = 0\n", "lines.processes: must be greater than or equal to 1"),
        ('[lines]\nprocesses = "many"\n', "lines.processes: must be a valid integer"),
        ("[limits]\ncsv_bytes = 100\n", "limits.csv_bytes: must be a size with its unit"),
        ('[trunks.a]\naddress = "sip:h"\nring_timeout = 60\n', "trunks.a.ring_timeout: must be a"),
        ('[trunks.a]\naddress = "h:5060"\n', "trunks.a.address: must be a SIP address"),
        (
            '[trunks.a]\ndriver = "phone"\n',
            "trunks.a.driver: must be 'sip', 'phones' or 'asterisk'",
        ),
        ('[server]\nlisten = "8080"\n', "server.listen: must be host:port"),
        ('[server]\nlisten = "h:99999"\n', "server.listen: must be host:port"),
        ('[server]\npublic_url = "calls.example.com"\n', "server.public_url: must be an http"),
        ('[store]\nurl = "mysql://h/db"\n', "store.url: must be"),
        ('[numbers]\ndefault_country = "UK"\n', "numbers.default_country: is no country"),
        ('[callbacks]\nallow = ["10.0.0.1/8"]\n', "callbacks.allow: must hold networks"),
        ('[callbacks]\nsecret = "whsec_short"\n', "callbacks.secret: must be whsec_"),
        ("store = 3\n", "store: no such setting"),
    ],
)
def test_a_wrong_file_is_answered_with_its_name_and_the_key(write, text, wanted):
    file = write(text)
    assert refusal(file).startswith(f"{file}: ")
    assert wanted in refusal(file)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        (
            {"CALLWRIGHT_SERVER__LISTN": "x"},
            "CALLWRIGHT_SERVER__LISTN: no such setting; did you mean CALLWRIGHT_SERVER__LISTEN?",
        ),
        ({"CALLWRIGHT_LINES__PROCESSES": "x"}, "CALLWRIGHT_LINES__PROCESSES: must be"),
        ({"CALLWRIGHT_CALLBACKS__ALLOW": "[1"}, "CALLWRIGHT_CALLBACKS__ALLOW: is not a list"),
        (
            {"CALLWRIGHT_TRUNKS__MAIN__PASWORD": "x"},
            "did you mean CALLWRIGHT_TRUNKS__MAIN__PASSWORD?",
        ),
    ],
)
def test_a_wrong_variable_is_answered_with_its_name(tmp_path, monkeypatch, environ, wanted):
    monkeypatch.chdir(tmp_path)
    assert wanted in refusal(None, environ)


def test_a_broken_file_is_answered_with_its_line(write, tmp_path):
    file = write("[server]\nlisten = \n")
    assert refusal(file).startswith(f"{file}:2:")
    file = write(b"[server]\n# caf\xe9\n")
    assert refusal(file) == f"{file}:2: is not UTF-8 text"
    assert "no such file" in refusal(tmp_path / "absent.toml")
    assert "cannot be read" in refusal(tmp_path)
    assert "no such file" in refusal(None, {"CALLWRIGHT_CONFIG": str(tmp_path / "absent.toml")})


def test_secrets_appear_in_no_error_and_no_repr(write):
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    file = write(
        f'[callbacks]\nsecret = "{secret}"\n[trunks.a]\naddress="sip:h"\npassword = "hunter2"\n'
    )
    config = load_config(file, {})
    assert secret not in repr(config)
    assert "hunter2" not in repr(config)
    bad = write('[callbacks]\nsecret = "whsec_hunter2"\n')
    assert "hunter2" not in refusal(bad)


def test_describe_tells_each_value_and_where_it_came_from(write):
    file = write(
        '[server]\nlisten = "127.0.0.1:9"\n[store]\nurl = "postgresql://me:pw@host/db"\n'
        '[trunks.out]\naddress = "sip:h"\npassword = "hunter2"\n'
    )
    rows = describe(load_config(file, {"CALLWRIGHT_TRUNKS__OUT__MAX_CALLS": "5"}))
    by_key = {key: (value, source) for key, value, source in rows}
    assert by_key["server.listen"] == ("127.0.0.1:9", str(file))
    assert by_key["lines.processes"] == ("1", "default")
    assert by_key["trunks.out.max_calls"] == ("5", "CALLWRIGHT_TRUNKS__OUT__MAX_CALLS")
    assert by_key["trunks.out.password"] == ("********", str(file))
    assert by_key["store.url"] == ("postgresql://me:********@host/db", str(file))
    assert not any("hunter2" in cell for row in rows for cell in row)
