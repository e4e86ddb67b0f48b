"""The engine: wakes on time, drives devices, keeps the ledger. Reaches the world through ports."""
