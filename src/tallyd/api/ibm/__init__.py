"""The dialect of IBM Video Streaming: what clients of its events send and expect."""

from tallyd.api.ibm.application import build

__all__ = ["build"]
