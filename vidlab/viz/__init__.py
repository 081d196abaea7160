"""Static figures: they take arrays and return a matplotlib Figure."""
