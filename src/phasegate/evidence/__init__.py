"""What phasegate observed itself, as frozen values and pure questions about them."""
