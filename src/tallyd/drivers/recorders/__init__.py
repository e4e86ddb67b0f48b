"""Drivers that record rooms: one module each, registered under `tallyd.recorders`."""
