"""How a date is built, judged, published and read: nothing else reads or writes the store."""
