"""SIPp calls the built-in phones: what a client that is not ours makes of them."""

import asyncio
import socket
from pathlib import Path

import pytest

from callwright.telephony.phones import Phones
from callwright.telephony.phones.script import read_script
from callwright.testing.programs import require

SIPP = require("sipp")

REQUEST = """<send{repeat}><![CDATA[
{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:+15550001@[local_ip]:[local_port]>;tag=[pid]t[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:sipp@[local_ip]:[local_port]>
{extra}Max-Forwards: 70
{kind}Content-Length: [len]

{body}]]></send>
"""
OFFER = """v=0
o=u 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:101 telephone-event/8000
"""


def request(method: str, cseq: int, *, extra: str = "") -> str:
    offers = method == "INVITE"
    return REQUEST.format(
        method=method,
        cseq=cseq,
        extra=extra,
        tag="" if offers else "[peer_tag_param]",
        repeat="" if method == "ACK" else ' retrans="500"',
        kind="Content-Type: application/sdp\n" if offers else "",
        body=OFFER if offers else "",
    )


def hears(status: int, extra: str = "") -> str:
    return f'<recv response="{status}" {extra}></recv>\n'


MAYBE_RINGS = hears(180, 'optional="true"')
AGREES = request("ACK", 2) + request("BYE", 3) + hears(200)
SCENARIOS = {
    "busy": request("INVITE", 1) + hears(486) + request("ACK", 1),
    "answered": request("INVITE", 2) + MAYBE_RINGS + hears(200) + AGREES,
    "digest": (
        request("INVITE", 1)
        + hears(407, 'auth="true"')
        + request("ACK", 1)
        + request("INVITE", 2, extra="[authentication username=bob password=phones]\n")
        + MAYBE_RINGS
        + hears(200)
        + AGREES
    ),
}
SCRIPT = """
[[rule]]
match = "busy"
does = "refuse"
[[rule]]
match = "digest"
challenge = true
ring_s = 0
[[rule]]
match = "answered"
ring_s = [0.05, 0.3]
"""


def free_port() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


@pytest.mark.parametrize("what", SCENARIOS)
def test_sipp_and_the_phones_understand_each_other(what: str, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.xml"
    scenario.write_text(
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="{what}">\n'
        f"{SCENARIOS[what]}</scenario>\n"
    )

    async def main() -> None:
        script = read_script(SCRIPT, "script")
        phones = Phones(("127.0.0.1", 0), script=script, rtp_ports=range(56000, 57000))
        await phones.start()
        # Left alone, SIPp signs the host alone instead of the URI it dials.
        callee = f"127.0.0.1:{phones.address[1]}"
        options = f"-i 127.0.0.1 -p {free_port()} -s {what} -auth_uri {what}@{callee}"
        options += " -r 100 -m 30 -nostdin"
        sipp = await asyncio.create_subprocess_exec(
            SIPP,
            callee,
            "-sf",
            str(scenario),
            *options.split(),
            cwd=tmp_path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(10):
                said, _ = await sipp.communicate()
        finally:
            if sipp.returncode is None:
                sipp.kill()
        await phones.stop()
        assert sipp.returncode == 0, said[-3000:].decode(errors="replace")
        ending = "486 Busy Here" if what == "busy" else "caller hung up"
        assert [call.ending for call in phones.calls] == [ending] * 30

    asyncio.run(main())
