"""That nothing is sent where it must not go: proved by the connections seen at the target."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from callback_receiver import NOON, notice, receiver, resolves, run, sender, status
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callwright.callbacks.http_sender import read_url
from callwright.callbacks.problem import NotDelivered
from callwright.domain.notice import Delivery

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)

FORMS_OF_LOOPBACK = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "①②⑦.⓪.⓪.①",
    "ｌｏｃａｌｈｏｓｔ",
    "127。0。0。1",
    "user:key@127.0.0.1",
    "8.8.8.8@127.0.0.1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[::1%25lo]",
    "[::1%lo]",
]


# Some forms are names to a resolver, which may be far away or out of reach.
REFUSALS = {"blocked address", "bad url", "name not found", "timeout"}


@pytest.mark.parametrize("host", FORMS_OF_LOOPBACK)
def test_no_spelling_of_loopback_is_connected_to(host: str) -> None:
    async def scenario() -> tuple[Delivery, int]:
        async with receiver(hosts=["127.0.0.1"]) as target, sender(allow=[], deadline_s=2) as one:
            delivery = await one.send(notice(target.url(host)), NOON)
            return delivery, target.connections

    delivery, connections = run(scenario())
    assert connections == 0
    assert delivery.status is None
    assert delivery.problem in REFUSALS


def test_the_same_target_is_connected_to_once_it_is_allowed() -> None:
    async def scenario() -> tuple[bool, bool, int]:
        async with receiver() as target:
            async with sender(allow=["127.0.0.1/32"]) as one:
                by_network = await one.send(notice(target.url("127.0.0.1")), NOON)
            allow = [f"here.example:{target.port}"]
            async with sender(allow=allow, resolve=resolves(["127.0.0.1"])) as one:
                by_name = await one.send(notice(target.url("here.example")), NOON)
            return by_network.ok, by_name.ok, target.connections

    assert run(scenario()) == (True, True, 2)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//127.0.0.1/",
        "http:///x",
        "http:127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http://good.example\\@127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "unix:///run/x.sock",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1\t/",
        " http://127.0.0.1/",
        "http://127.0.0.1/\n",
        "http://a b/",
        "http://[::1/",
        "http://%6c%6f%63alhost/",
        "http://\ud800/",
        "http://user%0d%0aX:y@127.0.0.1/",
        "http://user:key%00@127.0.0.1/",
    ],
)
def test_what_is_no_plain_http_url_is_sent_nowhere(url: str) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        pytest.fail("a bad URL reached the resolver")

    async def scenario() -> Delivery:
        async with sender(resolve=resolve) as one:
            return await one.send(notice(url), NOON)

    assert run(scenario()).problem == "bad url"


@REPEATABLE
@given(text=st.text(max_size=80) | st.text(max_size=80).map(lambda rest: "http://" + rest))
@example(text="http://" + "a" * 100_000)
def test_any_text_is_a_url_with_a_host_or_a_bad_one(text: str) -> None:
    try:
        url = read_url(text)
    except NotDelivered:
        return
    assert url.scheme in ("http", "https")
    assert url.raw_host


def test_a_name_that_changes_its_address_after_the_check_gains_nothing() -> None:
    async def scenario() -> tuple[list[str], list[str]]:
        resolve = resolves(["127.0.0.2"], ["127.0.0.1"])
        async with (
            receiver(hosts=["127.0.0.1", "127.0.0.2"]) as target,
            sender(allow=["127.0.0.2"], resolve=resolve) as one,
        ):
            tries = [await one.send(notice(target.url("rebind.example")), NOON) for _ in range(5)]
            return [t.problem for t in tries], target.called

    problems, called = run(scenario())
    assert problems == ["", *["blocked address"] * 4]
    assert called == ["127.0.0.2"]


@pytest.mark.parametrize("answers", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
def test_a_name_with_one_forbidden_address_is_not_connected_to_at_all(answers: list[str]) -> None:
    async def scenario() -> tuple[str, list[str]]:
        async with (
            receiver(hosts=["127.0.0.1", "127.0.0.2"]) as target,
            sender(allow=["127.0.0.2"], resolve=resolves(answers)) as one,
        ):
            delivery = await one.send(notice(target.url("mixed.example")), NOON)
            return delivery.problem, target.called

    assert run(scenario()) == ("blocked address", [])


def test_each_try_resolves_and_connects_anew() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async def scenario() -> int:
        async with receiver() as target, sender(resolve=resolve) as one:
            for _ in range(3):
                assert (await one.send(notice(target.url("again.example")), NOON)).ok
            return target.connections

    assert run(scenario()) == 3
    assert asked == ["again.example"] * 3


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code: int) -> None:
    async def scenario() -> tuple[Delivery, int]:
        async with receiver() as elsewhere:
            answer = status(code, f"Location: {elsewhere.url()}")
            async with receiver(answer) as target, sender() as one:
                return await one.send(notice(target.url()), NOON), elsewhere.connections

    delivery, connections = run(scenario())
    assert (delivery.problem, connections) == (f"http {code}", 0)


def test_the_environment_s_proxy_and_netrc_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async def scenario() -> tuple[int, dict[str, str]]:
        async with receiver() as proxy, receiver() as target:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url(path=""))
            async with sender() as one:
                assert (await one.send(notice(target.url()), NOON)).ok
            return proxy.connections, target.head()

    connections, headers = run(scenario())
    assert connections == 0
    assert "authorization" not in headers


def test_a_cookie_is_not_kept() -> None:
    async def scenario() -> list[bytes]:
        async with receiver(status(200, "Set-Cookie: a=b")) as target, sender() as one:
            await one.send(notice(target.url()), NOON)
            await one.send(notice(target.url()), NOON)
            return target.requests

    requests = run(scenario())
    assert len(requests) == 2
    assert not any(b"cookie" in request.lower() for request in requests)


def test_forbidden_targets_see_nothing_however_many_try_at_once() -> None:
    async def scenario() -> tuple[set[str], int]:
        async with receiver() as target, sender(allow=[], deadline_s=2) as one:
            tries = [one.send(notice(target.url(h)), NOON) for h in FORMS_OF_LOOPBACK * 3]
            deliveries = await asyncio.gather(*tries)
            return {d.problem for d in deliveries}, target.connections

    problems, connections = run(scenario())
    assert connections == 0
    assert problems <= REFUSALS
