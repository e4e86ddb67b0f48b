"""The demonstration: a small day in two rooms, recorded for real and held against what was due."""
