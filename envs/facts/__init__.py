"""What a fact means: predicates, checked over the arrays of many simulations at once. The oracle asks them."""
