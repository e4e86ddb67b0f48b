"""Where ffmpeg records from: sources as options name them, and how to show them safely."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from tallyd.domain.secrecy import hide, mask_urls, secrets_of

_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
_PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtsp,srtp,rtp,udp,tls,tcp",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tls,tcp",
    "srt": "srt,udp",
    "http": "http,tcp,crypto",
    "https": "https,http,tls,tcp,crypto",
}
_DEVICE = re.compile(r"/dev/[\w./-]+")
_ALSA = re.compile(r"[\w][\w:,.=-]*")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class SourceKind(StrEnum):
    """What kind of thing a source is; a network source's is its URL's scheme."""

    RTSP = "rtsp"
    RTSPS = "rtsps"
    RTMP = "rtmp"
    RTMPS = "rtmps"
    SRT = "srt"
    HTTP = "http"
    HTTPS = "https"
    V4L2 = "v4l2"
    ALSA = "alsa"
    TEST = "test"


DEVICES = frozenset({SourceKind.V4L2, SourceKind.ALSA})
RTSP_KINDS = frozenset({SourceKind.RTSP, SourceKind.RTSPS})
EXPECTED = "a URL (rtsp, rtsps, rtmp, rtmps, srt, http, https), v4l2:/dev/video0, alsa:hw:1 or test"


@dataclass(frozen=True, slots=True)
class Source:
    """One source. `address` is what ffmpeg is told; it may hold a password, `shown` never does."""

    kind: SourceKind
    address: str = field(repr=False)

    @property
    def is_network(self) -> bool:
        """Whether it is reached by a URL."""
        return self.kind.value in _PROTOCOLS

    @property
    def protocols(self) -> str:
        """The only protocols that ffmpeg may use to read it, as its white list wants them."""
        return _PROTOCOLS[self.kind.value]

    @property
    def host_port(self) -> tuple[str, int] | None:
        """Where it answers over TCP; None for what has no such place."""
        port = _PORTS.get(self.kind.value)
        if port is None:
            return None
        url = urlsplit(self.address)
        return url.hostname or "", url.port or port

    @property
    def shown(self) -> str:
        """The source as it may be shown to anybody."""
        return mask_urls(self.address) if self.is_network else f"{self.kind}:{self.address}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown anywhere, the longest first."""
        return secrets_of(self.address) if self.is_network else ()

    def clean(self, text: str) -> str:
        """Take this source's secrets out of a `text`, such as what ffmpeg says of it."""
        # A test picture has no address.
        return hide(text.replace(self.address, self.shown) if self.address else text, self.secrets)


def parse_source(text: str) -> Source:
    """Read a source as it is written in the options.

    Raises:
        ValueError: it is none; the message never repeats what was written, which may be secret.
    """
    scheme, colon, rest = text.partition(":")
    if text == SourceKind.TEST:
        return Source(SourceKind.TEST, "")
    if colon and scheme == SourceKind.V4L2 and _DEVICE.fullmatch(rest) and ".." not in rest:
        return Source(SourceKind.V4L2, rest)
    if colon and scheme == SourceKind.ALSA and _ALSA.fullmatch(rest):
        return Source(SourceKind.ALSA, rest)
    if scheme.lower() in _PROTOCOLS and rest.startswith("//"):
        return Source(SourceKind(scheme.lower()), _checked_url(text))
    raise ValueError(f"is no source; give {EXPECTED}")


def _checked_url(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("has a blank or a control character in its URL; write %20 and the like")
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise ValueError("has a broken host or port in its URL") from None
    if not host or port == 0:
        raise ValueError("has no host in its URL, or port 0")
    return text
