"""Many runs at once: sweeps over labs, parameters and seeds, on one machine or on a cluster."""
