"""Tables taken from the source as published."""
