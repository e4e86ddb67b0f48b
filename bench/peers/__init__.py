"""Other ways to act on time, each a program: a file of edges in, the instants of its calls out."""
