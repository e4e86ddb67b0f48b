"""The native interface `/api/v1`: the words of the command line, as JSON."""

from tallyd.api.native.build import build

__all__ = ["build"]
