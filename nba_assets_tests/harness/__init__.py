"""What would notice if the product said *complete* and it was not."""
