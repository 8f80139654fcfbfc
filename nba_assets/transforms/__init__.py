"""One GoogleSQL transformation a table, pure text; an engine renders and runs it."""
