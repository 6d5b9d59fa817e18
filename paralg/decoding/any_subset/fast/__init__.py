"""Any-subset speculation with keys and values of final tokens kept."""
