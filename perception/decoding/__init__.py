"""Fast answers on a CPU: small weights, a cache kept between turns, grammars whose forced tokens cost no step each."""
