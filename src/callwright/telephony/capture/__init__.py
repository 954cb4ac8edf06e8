"""SIP as it went over the wire, kept in capture files of a bounded size and age.

A line appends what its trunks' endpoints send and hear; the brain looks a call up by its
SIP Call-ID. The files are ordinary pcap: any of them opens in Wireshark as it is.
"""

from callwright.telephony.capture.archive import CaptureArchive
from callwright.telephony.capture.recorder import CaptureRecorder, CaptureRules

__all__ = ["CaptureArchive", "CaptureRecorder", "CaptureRules"]
