"""Results on disk, found again by what made them. Knows how values are stored, not which stages make them."""
