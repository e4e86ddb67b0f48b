"""Drivers that feed channels: one module each, registered under `tallyd.feeds`."""
