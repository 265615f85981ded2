"""What to do about it: the domain, the belief, search, verification and understanding."""
