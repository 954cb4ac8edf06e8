"""SIPp as both ends of calls with audio: who answers ours, and who calls in our place."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_CALLER = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="Talks">
  <send retrans="500"><![CDATA[
INVITE sip:+15550000000@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:+15550000000@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200"/>
  <send><![CDATA[
ACK sip:+15550000000@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:+15550000000@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <nop><action><exec rtp_stream="AUDIO,-1,0"/></action></nop>
  <pause milliseconds="TALK_MS"/>
  <send retrans="500"><![CDATA[
BYE sip:+15550000000@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:+15550000000@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""


@dataclass(frozen=True, slots=True)
class Callee:
    """SIPp that answers every call and sends all audio back."""

    sip: int
    rtp: int
    process: psutil.Process


@contextmanager
def callee(
    folder: Path, free_port: Callable[[], int], echoes: Callable[[int], bool]
) -> Iterator[Callee]:
    """One on ports of its own."""
    sip, rtp = free_port(), free_port()
    # Its own callee, but for keys as events: else every call is searched for audible ones.
    text = subprocess.run(["sipp", "-sd", "uas"], stdout=subprocess.PIPE, check=False).stdout
    events = b"RTP/AVP 0 101\n      a=rtpmap:101 telephone-event/8000\n"
    scenario = folder / "uas.xml"
    scenario.write_bytes(text.replace(b"RTP/AVP 0\n", events))
    command = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(sip), "-nostdin"]
    command += ["-mi", "127.0.0.1", "-mp", str(rtp), "-rtp_echo", "-buff_size", "8388608"]
    with _running(command, folder) as process:
        if not any(echoes(rtp) for _ in range(75)):
            raise SystemExit("SIPp sends nothing back")
        yield Callee(sip, rtp, psutil.Process(process.pid))


def caller_cpu_us(folder: Path, target: Callee, calls: int, rate: float, seconds: float) -> float:
    """Processor time in µs of one call-second, where SIPp calls in our place."""
    talk_s = calls / rate
    audio = folder / "talk.pcmu"
    audio.write_bytes(bytes(range(160)) * 50)
    scenario = folder / "uac.xml"
    text = _CALLER.replace("AUDIO", str(audio)).replace("TALK_MS", str(round(talk_s * 1000)))
    scenario.write_text(text, encoding="ascii")
    command = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-nostdin", "-l", str(10 * calls)]
    command += ["-mi", "127.0.0.1", "-mp", "20000"]
    command += ["-r", str(max(1, round(rate))), f"127.0.0.1:{target.sip}"]
    with _running(command, folder) as process:
        time.sleep(talk_s + 2.0)
        if process.poll() is not None:
            raise SystemExit("SIPp does not call; is it built with RTPSTREAM? see `sipp -v`")
        caller = psutil.Process(process.pid)
        before = sum(caller.cpu_times()[:2])
        time.sleep(seconds)
        used = sum(caller.cpu_times()[:2]) - before
    return float(used / (calls * seconds) * 1e6)


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
