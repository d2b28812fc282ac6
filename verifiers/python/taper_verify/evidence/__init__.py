"""Evidence bundles (spec/evidence.md): what agents were allowed to do, what they did, and that nothing was taken out."""

from .problem import EvidenceVerdict, Problem
from .trust import PolicyError, TrustPolicy, read_trust_policy
from .verify import verify_evidence

__all__ = ["EvidenceVerdict", "PolicyError", "Problem", "TrustPolicy", "read_trust_policy", "verify_evidence"]
