"""Facts, how they fold and what the procedure admits: pure, without clock, chance or I/O."""
