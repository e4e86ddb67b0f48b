"""What the command recorder and feed share: programs of the operator's, run as argument lists."""
