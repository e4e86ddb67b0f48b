"""The dialect of Uplynk's API v4: channels, the entries of their schedules, linear playlists."""

from tallyd.api.uplynk.application import build

__all__ = ["build"]
