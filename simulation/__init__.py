"""Weeks of an appliance in seconds: the real engine on virtual time, faulty devices, a checker."""
