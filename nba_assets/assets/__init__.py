"""The dated tables of the graph and the op that builds them."""
