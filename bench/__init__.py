"""Measures what tallyd promises, on this machine, with the real daemon. It judges nothing."""
