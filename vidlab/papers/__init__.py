"""One module a paper: only what the paper adds, in the order and symbols of its method section."""
