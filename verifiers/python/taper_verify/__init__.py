"""An independent verifier of Taper chains, calls, logs and evidence; see README.md."""
