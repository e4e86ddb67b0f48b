"""How wishes and results are written, for people and programs alike: the same words everywhere."""
