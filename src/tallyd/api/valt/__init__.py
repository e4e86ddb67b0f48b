"""The dialect of VALT, `/api/v3`: what its clients send and expect. No other dialect knows it."""

from tallyd.api.valt.application import build

__all__ = ["build"]
