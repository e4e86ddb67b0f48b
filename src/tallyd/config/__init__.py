"""The configuration: one TOML file, strict, checked as a whole before anything uses it."""

from tallyd.config.addresses import TcpAddress, UnixAddress, parse_address
from tallyd.config.credentials import credentials_directory, secrets_among, with_credentials
from tallyd.config.loading import CheckDriver, find, load
from tallyd.config.models import (
    ApplianceSettings,
    ChannelSettings,
    ClockSettings,
    HttpSettings,
    LogSettings,
    RoomSettings,
    Settings,
    SlicerSettings,
    TargetSettings,
)
from tallyd.config.problems import ConfigError, ConfigProblem

__all__ = [
    "ApplianceSettings",
    "ChannelSettings",
    "CheckDriver",
    "ClockSettings",
    "ConfigError",
    "ConfigProblem",
    "HttpSettings",
    "LogSettings",
    "RoomSettings",
    "Settings",
    "SlicerSettings",
    "TargetSettings",
    "TcpAddress",
    "UnixAddress",
    "credentials_directory",
    "find",
    "load",
    "parse_address",
    "secrets_among",
    "with_credentials",
]
