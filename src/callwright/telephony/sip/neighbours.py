"""From whose addresses we hear messages: the trunk's, and those it sends our calls on to."""


class Neighbours:
    """`hosts` are the trunk's; the others come and go with the calls that use them."""

    def __init__(self) -> None:
        self.hosts: frozenset[str] = frozenset()
        self._hops: dict[str, int] = {}
        """Next hops outside the trunk's addresses, with the number of calls that use them."""
        self._hop_of: dict[str, str] = {}

    def admits(self, host: str) -> bool:
        """Whether we hear what comes from there."""
        return host in self.hosts or host in self._hops

    def note(self, call_id: str, host: str) -> None:
        """A call goes there: as long as it lasts, we hear who is there."""
        if host not in self.hosts and self._hop_of.get(call_id) != host:
            self.forget(call_id)
            self._hop_of[call_id] = host
            self._hops[host] = self._hops.get(host, 0) + 1

    def keep(self, call_id: str, host: str) -> None:
        """A call went there, unless it is known to have gone elsewhere since."""
        if call_id not in self._hop_of:
            self.note(call_id, host)

    def forget(self, call_id: str) -> None:
        """That call is over, or goes elsewhere."""
        host = self._hop_of.pop(call_id, None)
        if host is not None:
            self._hops[host] -= 1
            if not self._hops[host]:
                del self._hops[host]
