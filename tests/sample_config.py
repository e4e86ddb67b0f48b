"""The configuration of an appliance with two rooms and a channel, all simulated."""

CONFIG = """
[appliance]
timezone = "Europe/Rome"
state_dir = "state"

[rooms.aula]
driver = "simulated"
id = 7

[rooms.lab]
driver = "simulated"
name = "The Lab"

[channels.one]
driver = "simulated"
"""
